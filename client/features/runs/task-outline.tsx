import { For, Show } from 'solid-js';
import { currentTime, span } from '../../lib/time.ts';
import { ResultGlyph, worstOf } from '../../ui/result-glyph.tsx';
import type { RunPlay } from './result-operations.ts';

type Task = RunPlay['tasks'][number];

/** The plays and tasks of a run in the order in which they began; each leads to its line of the log. */
export function TaskOutline(props: { plays: readonly RunPlay[]; isRunning: boolean }) {
  const isLast = (task: Task) => props.plays.at(-1)?.tasks.at(-1) === task;
  const took = (task: Task) => {
    const end = task.finishedAt ? Date.parse(task.finishedAt) : isGoingOn(task) ? currentTime() : null;
    return end === null ? '' : span(end - Date.parse(task.startedAt));
  };
  const isGoingOn = (task: Task) => props.isRunning && isLast(task);
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
                    <span class="sub num">{took(task)}</span>
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
