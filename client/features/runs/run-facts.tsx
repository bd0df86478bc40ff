import { A } from '@solidjs/router';
import { For, Show } from 'solid-js';
import { playbookLink, runLink, scheduleLink } from '../../lib/links.ts';
import { parameterWords, valuesOf } from '../../lib/parameters.ts';
import { absolute, latenessOf, took } from '../../lib/time.ts';
import type { OneRun } from './run-operations.ts';

/** The working folder and the configuration; null before the run has started. */
function placeWords(folder: string | null | undefined, config: string | null | undefined): string | null {
  if (folder === null || folder === undefined) return null;
  return `in ${folder === '' ? 'the playbook folder' : `${folder}/`} · ${config ?? 'no ansible.cfg'}`;
}

/** What ran, why, when, with which parameters, and for how long. */
export function RunFacts(props: { run: OneRun }) {
  const lateMs = () =>
    props.run.trigger === 'SCHEDULE' ? latenessOf(props.run.scheduledFor, props.run.startedAt) : null;
  return (
    <div class="run-h">
      <A class="mono hover:underline" href={playbookLink(props.run.playbook)}>
        {props.run.playbook}
      </A>
      <span class="sub num">
        <Show
          when={props.run.trigger === 'SCHEDULE' && props.run.scheduledFor}
          fallback={
            <>
              {props.run.trigger === 'RETRY' ? 'run again' : 'started by hand'},{' '}
              {absolute(props.run.queuedAt)}
            </>
          }
        >
          {(at) => (
            <>
              <Show when={props.run.schedule} fallback="scheduled">
                {(schedule) => (
                  <A class="underline" href={scheduleLink(schedule().id)}>
                    scheduled
                  </A>
                )}
              </Show>{' '}
              {absolute(at())}
              <Show when={lateMs() !== null}>, started +{lateMs()} ms</Show>
            </>
          )}
        </Show>
      </span>
      <Show when={props.run.retryOf}>
        {(earlier) => (
          <A class="sub underline" href={runLink(earlier().id)}>
            repeats an earlier run
          </A>
        )}
      </Show>
      <Show when={props.run.onlyHosts}>
        {(hosts) => (
          <span class="sub break-all">
            only {hosts().slice(0, 10).join(', ')}
            {hosts().length > 10 ? ` and ${hosts().length - 10} more` : ''}
          </span>
        )}
      </Show>
      <Show when={props.run.parameters?.check}>
        <span class="st wait">check mode</span>
      </Show>
      <Show when={props.run.parameters}>
        {(parameters) => (
          <For each={parameterWords(valuesOf(parameters()))}>
            {(word) => <span class="sub mono break-all">{word}</span>}
          </For>
        )}
      </Show>
      <Show when={placeWords(props.run.workingFolder, props.run.ansibleConfig)}>
        {(words) => <span class="sub mono break-all">{words()}</span>}
      </Show>
      <span class="sp" />
      <Show when={props.run.startedAt}>
        {(started) => <span class="num">{took(started(), props.run.finishedAt)}</span>}
      </Show>
    </div>
  );
}
