import { createEffect, onCleanup } from 'solid-js';
import { isLive, subscribe } from '../../graphql/client.ts';
import { graphql } from '../../graphql/generated/gql.ts';
import { fetchWithKey } from '../../lib/session.ts';
import type { LogBuffer } from './log-buffer.ts';

const RUN_LOG = graphql(`
  subscription RunLog($runId: ID!, $after: Int!) {
    runLog(runId: $runId, after: $after) { firstLine lineCount text }
  }
`);
const RETRY_MS = 1_000;

/**
 * Follows the log into the buffer, and resumes after the last line held whenever the connection was lost.
 * @param on `onNotice` gets what the reader should know of the connection
 */
export function tailLog(
  runId: string,
  buffer: LogBuffer,
  on: { onLines(): void; onComplete(): void; onNotice(text: string): void },
): void {
  let end: () => void = () => undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isOver = false;
  let isDone = false;
  let lostAt: number | null = null;
  let lostMs = 0;

  createEffect(() => {
    if (isDone) return;
    if (!isLive()) lostAt ??= Date.now();
    // the next line may come much later
    else if (lostAt !== null) lostMs = Date.now() - lostAt;
  });

  /** The lines that came go on where the held ones ended. */
  function resumed(): void {
    if (lostAt === null || !isLive()) return;
    const seconds = Math.max(1, Math.round(lostMs / 1_000));
    lostAt = null;
    on.onNotice(`The connection was lost for ${seconds} s; nothing was missed.`);
  }

  function start(): void {
    end = subscribe(
      RUN_LOG,
      {
        runId,
        // read each time the request is sent: after a reconnect it goes on after the last line held
        get after() {
          return buffer.count();
        },
      },
      {
        next: ({ runLog }) => {
          if (!buffer.append(runLog)) return again();
          resumed();
          on.onLines();
        },
        error: (message) => {
          on.onNotice(message);
          again();
        },
        complete: () => {
          if (isOver) return;
          isDone = true;
          resumed();
          on.onComplete();
        },
      },
    );
  }
  function again(): void {
    if (isDone || isOver) return;
    end();
    clearTimeout(timer);
    timer = setTimeout(start, RETRY_MS);
  }
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
