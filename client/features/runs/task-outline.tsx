import { For, Show } from 'solid-js';
import { took } from '../../lib/time.ts';
import { ResultGlyph, worstOf } from '../../ui/result-glyph.tsx';
import type { RunPlay } from './result-operations.ts';

type Task = RunPlay['tasks'][number];

/** The plays and tasks of a run in the order in which they began; each leads to its line of the log. */
export function TaskOutline(props: { plays: readonly RunPlay[]; isRunning: boolean }) {
  const isLast = (task: Task) => props.plays.at(-1)?.tasks.at(-1) === task;
  const isGoingOn = (task: Task) => props.isRunning && isLast(task);
  const duration = (task: Task) =>
    task.finishedAt || isGoingOn(task) ? took(task.startedAt, task.finishedAt) : '';
  return (
    <div class="outline-list">
      <For each={props.plays}>
        {(play) => (
          <>
            <h3>{play.name}</h3>
            <ol>
              <For each={play.tasks}>
                {(task) => (
                  <li>
                    <Show
                      when={worstOf(task.counts)}
                      fallback={
                        <span class="res run" aria-hidden="true">
                          {isGoingOn(task) ? '▸' : '·'}
                        </span>
                      }
                    >
                      {(status) => <ResultGlyph status={status()} />}
                    </Show>
                    <Show when={task.logLine} fallback={<span class="grow">{task.name}</span>}>
                      {(line) => (
                        <a class="grow hover:underline" href={`#L${line()}`} target="_self">
                          {task.name}
                        </a>
                      )}
                    </Show>
                    <span class="sub num">{duration(task)}</span>
                  </li>
                )}
              </For>
            </ol>
          </>
        )}
      </For>
    </div>
  );
}
