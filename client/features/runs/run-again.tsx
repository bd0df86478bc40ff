import * as DropdownMenu from '@kobalte/core/dropdown-menu';
import { createSignal, For, Show } from 'solid-js';
import { onFirstClick } from '../../lib/clicks.ts';
import { Button } from '../../ui/button.tsx';
import { isEnded } from '../../ui/status-badge.tsx';
import { toastError } from '../../ui/toast.tsx';
import { type RerunTarget, rerunTargets } from './rerun-targets.ts';
import type { createRunActions } from './run-actions.ts';
import { type OneRun, readRecap } from './run-operations.ts';

/** Runs it again: at once where all went well, else for all hosts or those of a menu that names them. */
export function RunAgain(props: { run: OneRun; actions: ReturnType<typeof createRunActions> }) {
  const [targets, setTargets] = createSignal<readonly RerunTarget[]>([]);
  const isDisabled = () => props.actions.isBusy() || !isEnded(props.run.status);
  const look = async () => setTargets(rerunTargets(await readRecap(props.run.id)));
  return (
    <Show
      when={props.run.status !== 'SUCCEEDED' && isEnded(props.run.status)}
      fallback={
        <Button disabled={isDisabled()} onClick={onFirstClick(() => void props.actions.runAgain('ALL'))}>
          Run again
        </Button>
      }
    >
      <DropdownMenu.Root onOpenChange={(isOpen) => isOpen && void look().catch(toastError)}>
        <DropdownMenu.Trigger class="btn" disabled={isDisabled()}>
          Run again ▾
        </DropdownMenu.Trigger>
        <DropdownMenu.Portal>
          <DropdownMenu.Content class="menu max-w-md">
            <For each={targets()}>
              {(target) => (
                <DropdownMenu.Item onSelect={() => void props.actions.runAgain(target.hosts)}>
                  {target.label}
                  <div class="s break-all">{target.names}</div>
                </DropdownMenu.Item>
              )}
            </For>
            <DropdownMenu.Item onSelect={() => void props.actions.runAgain('ALL')}>
              All hosts
              <div class="s">whatever became of them</div>
            </DropdownMenu.Item>
          </DropdownMenu.Content>
        </DropdownMenu.Portal>
      </DropdownMenu.Root>
    </Show>
  );
}
