import { A } from '@solidjs/router';
import { createSignal, For, Show } from 'solid-js';
import { hostWords } from '../../lib/failures.ts';
import { playbookLink } from '../../lib/links.ts';
import { Button } from '../../ui/button.tsx';
import type { RunFailure } from './result-operations.ts';

/** As many are read as one can overlook. */
const SHOWN = 5;

/** What went wrong in a run: which hosts, in which task, and why. */
export function FailureList(props: { failures: readonly RunFailure[]; playbook: string }) {
  const [isWhole, setWhole] = createSignal(false);
  const shown = () => (isWhole() ? props.failures : props.failures.slice(0, SHOWN));
  return (
    <section class="failures" aria-label="What went wrong">
      <ul>
        <For each={shown()}>{(failure) => <FailureItem failure={failure} playbook={props.playbook} />}</For>
      </ul>
      <Show when={props.failures.length > SHOWN && !isWhole()}>
        <Button kind="quiet" onClick={() => setWhole(true)}>
          {props.failures.length - SHOWN} more
        </Button>
      </Show>
    </section>
  );
}

function FailureItem(props: { failure: RunFailure; playbook: string }) {
  const did = () => (props.failure.status === 'UNREACHABLE' ? 'could not be reached' : 'failed');
  return (
    <li>
      <div class="grow min-w-0">
        <Show when={props.failure.hosts.length > 0}>
          <b title={props.failure.hosts.slice(0, 100).join(', ')}>{hostWords(props.failure.hosts)}</b> {did()}
          <Show when={props.failure.task !== ''}>
            {' '}
            in <i>{props.failure.task}</i>
          </Show>
          :{' '}
        </Show>
        <span class="cause">{props.failure.message}</span>
      </div>
      <div class="places mono">
        <Place file={props.failure.file} line={props.failure.line} playbook={props.playbook} />
        <Show when={props.failure.logLine}>
          {(line) => (
            <a href={`#L${line()}`} target="_self">
              log line {line()}
            </a>
          )}
        </Show>
      </div>
    </li>
  );
}

/** A playbook opens in the editor, at its line. */
function Place(props: {
  file: string | null | undefined;
  line: number | null | undefined;
  playbook: string;
}) {
  const text = () => (props.line == null ? props.file : `${props.file}:${props.line}`);
  return (
    <Show when={props.file}>
      {(file) => (
        <Show when={file() === props.playbook} fallback={<span>{text()}</span>}>
          <A href={`${playbookLink(file())}${props.line == null ? '' : `#L${props.line}`}`}>{text()}</A>
        </Show>
      )}
    </Show>
  );
}
