import { createSignal, onCleanup, Show } from 'solid-js';
import { createStore, unwrap } from 'solid-js/store';
import type { RunParameterName } from '../../../shared/run-parameters.ts';
import type { RunParametersInput } from '../../graphql/generated/graphql.ts';
import { messageOf } from '../../lib/caught.ts';
import { onFirstClick } from '../../lib/clicks.ts';
import { type FieldFault, faultsByField } from '../../lib/field-fault.ts';
import {
  changedParameters,
  emptyParameterDraft,
  type ParameterDraft,
  parameterOf,
} from '../../lib/parameters.ts';
import type { RunPlaybookResult } from '../../lib/start-runs.ts';
import { Button } from '../../ui/button.tsx';
import { confirm } from '../../ui/confirm.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { ParameterFields } from '../../ui/parameter-fields.tsx';
import { toast } from '../../ui/toast.tsx';

type Faults = Partial<Record<RunParameterName | 'form', FieldFault>>;

/** Asks for the parameters of a single run, and starts it. */
export function RunDialog(props: {
  playbook: string;
  /** @throws when there was no response */
  onStart(parameters: RunParametersInput): Promise<RunPlaybookResult>;
  onStarted(runId: string): void;
  onClose(): void;
}) {
  const [draft, setDraft] = createStore<ParameterDraft>({ ...emptyParameterDraft });
  const [faults, setFaults] = createSignal<Faults>({});
  const [isStarting, setStarting] = createSignal(false);
  let isOpen = true;
  onCleanup(() => {
    isOpen = false;
  });

  const show = (found: Faults) => {
    setFaults(found);
    // focus the first invalid field, or else the button, which lost the focus while it was disabled
    const [first] = Object.keys(found);
    if (first) queueMicrotask(() => document.getElementById(`run-${first}`)?.focus());
  };
  const fail = (message: string) => {
    if (isOpen) show({ form: { message, position: null } });
    else toast(message, true);
  };

  const start = async () => {
    if (isStarting()) return;
    const parameters = changedParameters(unwrap(draft), emptyParameterDraft);
    if ('field' in parameters && 'message' in parameters)
      return show({ [parameters.field]: { message: parameters.message, position: null } });
    setStarting(true);
    setFaults({});
    try {
      const result = await props.onStart(parameters);
      if (result.__typename === 'RunPlaybookPayload') {
        if (isOpen) props.onStarted(result.run.id);
        else toast(`A run of ${props.playbook} is started.`);
      } else if (result.__typename === 'InvalidInputError' && isOpen) {
        show(faultsByField(result.issues, (path) => parameterOf(path) ?? 'form'));
      } else {
        fail(result.message);
      }
    } catch (error) {
      fail(messageOf(error));
    } finally {
      setStarting(false);
    }
  };

  const close = async () => {
    const isTyped = JSON.stringify(draft) !== JSON.stringify(emptyParameterDraft);
    const isSure =
      !isTyped ||
      (await confirm({
        title: 'Discard what you typed?',
        text: isStarting() ? 'The run may start all the same.' : 'Nothing is started yet.',
        action: 'Discard',
        isDangerous: true,
      }));
    if (isSure && isOpen) props.onClose();
  };

  return (
    <Dialog
      isOpen
      width={760}
      title={
        <>
          <span aria-hidden="true">▶</span> Run with parameters{' '}
          <span class="mono font-normal text-[var(--ink-3)]">{props.playbook}</span>
        </>
      }
      onClose={() => void close()}
      footer={
        <>
          <Show when={faults().form}>
            {(fault) => (
              <span class="help err mr-auto" role="alert">
                {fault().message}
              </span>
            )}
          </Show>
          <Button kind="quiet" onClick={() => void close()}>
            Cancel <kbd>Esc</kbd>
          </Button>
          <Button
            id="run-form"
            kind="primary"
            disabled={isStarting()}
            onClick={onFirstClick(() => void start())}
          >
            <span aria-hidden="true">▶</span> {isStarting() ? 'Starting …' : 'Run'}
          </Button>
        </>
      }
    >
      <div class="grid gap-x-5 px-5 pt-4 sm:grid-cols-2">
        <ParameterFields
          idPrefix="run"
          draft={draft}
          faults={faults()}
          onChange={(name, value) => setDraft({ [name]: value })}
        />
      </div>
    </Dialog>
  );
}
