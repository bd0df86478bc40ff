import { onCleanup } from 'solid-js';
import { subscribe } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import { fetchWithKey } from '../../lib/session.ts';
import type { LogBuffer } from './log-buffer.ts';

const RUN_LOG = graphql(`
  subscription RunLog($runId: ID!, $after: Int!) {
    runLog(runId: $runId, after: $after) { firstLine lineCount text }
  }
`);
const RETRY_MS = 1_000;

/** Follows the log into the buffer, and resumes after the last line held whenever the connection was lost. */
export function tailLog(
  runId: string,
  buffer: LogBuffer,
  on: { onLines(): void; onComplete(): void; onNotice(text: string | null): void },
): void {
  let end: () => void = () => undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  let wasLost = false;

  const start = () => {
    const after = buffer.count();
    let isDone = false;
    end = subscribe(
      RUN_LOG,
      { runId, after },
      {
        next: ({ runLog }) => {
          // graphql-ws has resubscribed by itself with the original `after`: the buffer drops lines it holds
          if (!buffer.append(runLog)) return again();
          if (wasLost)
            on.onNotice(`The connection was lost and resumed at line ${after + 1}: nothing was missed.`);
          wasLost = false;
          on.onLines();
        },
        error: (message) => {
          on.onNotice(message);
          again();
        },
        complete: () => {
          isDone = true;
          if (!isOver) on.onComplete();
        },
      },
    );
    const again = () => {
      if (isDone || isOver) return;
      wasLost = true;
      end();
      clearTimeout(timer);
      timer = setTimeout(start, RETRY_MS);
    };
  };
  start();
  onCleanup(() => {
    isOver = true;
    clearTimeout(timer);
    end();
  });
}

/** Saves the whole log as a file. @throws when it could not be read */
export async function downloadLog(runId: string): Promise<void> {
  const response = await fetchWithKey(`/runs/${encodeURIComponent(runId)}/log`);
  if (!response.ok) throw new Error(`The log could not be downloaded (${response.status}).`);
  const name = /filename="([^"]+)"/.exec(response.headers.get('content-disposition') ?? '')?.[1] ?? 'run.log';
  const link = document.createElement('a');
  link.href = URL.createObjectURL(await response.blob());
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

/** The command that follows this log in a terminal. */
export function logCurl(runId: string): string {
  return `curl -N -H "authorization: Bearer $KEY" '${location.origin}/runs/${encodeURIComponent(runId)}/log?follow=1&plain=1'`;
}
