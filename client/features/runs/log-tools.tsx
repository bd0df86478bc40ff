import { Show } from 'solid-js';
import { Button } from '../../ui/button.tsx';
import { copyCommand } from '../../ui/copy-command.ts';
import { toastError } from '../../ui/toast.tsx';
import { downloadLog, logCurl } from './log-operations.ts';
import type { createLogSearch } from './log-search.ts';

/** The toolbar above the log: search, line count, wrapping, download. */
export function LogTools(props: {
  runId: string;
  search: ReturnType<typeof createLogSearch>;
  lineCount: string;
  isWrapped: boolean;
  onToggleWrap(): void;
  /** Undefined: no lines are selected. */
  onCopyLines: (() => void) | undefined;
}) {
  const copyCurl = () => copyCommand(logCurl(props.runId));
  return (
    <div class="tools">
      <input
        type="search"
        class="in !w-56 !py-1"
        placeholder="Search the log"
        aria-label="Search the log"
        value={props.search.text()}
        onInput={(event) => props.search.setText(event.currentTarget.value)}
        onKeyDown={(event) => event.key === 'Enter' && props.search.step(event.shiftKey ? -1 : 1)}
      />
      <Show when={props.search.isOn()}>
        <span class="sub num" data-testid="hit-count">
          {props.search.summary()}
        </span>
        <Button kind="quiet" aria-label="Previous hit" onClick={() => props.search.step(-1)}>
          ▲
        </Button>
        <Button kind="quiet" aria-label="Next hit" onClick={() => props.search.step(1)}>
          ▼
        </Button>
      </Show>
      <span class="sp" />
      <span class="sub num" data-testid="line-count">
        {props.lineCount}
      </span>
      <Show when={props.onCopyLines}>
        {(copy) => (
          <Button kind="quiet" onClick={() => copy()()}>
            Copy lines
          </Button>
        )}
      </Show>
      <Button kind="quiet" aria-pressed={props.isWrapped} onClick={() => props.onToggleWrap()}>
        {props.isWrapped ? 'Unwrap' : 'Wrap'}
      </Button>
      <Button kind="quiet" onClick={() => void downloadLog(props.runId).catch(toastError)}>
        Download
      </Button>
      <Button kind="quiet" onClick={() => void copyCurl().catch(toastError)}>
        Copy curl
      </Button>
    </div>
  );
}
