import { createSignal } from 'solid-js';
import type { RunParametersInput } from '../../graphql/generated/graphql.ts';
import { createOnce } from '../../lib/once.ts';
import { runPlaybook } from '../../lib/start-runs.ts';
import { createActionGuard } from '../../ui/action-guard.ts';
import { confirm } from '../../ui/confirm.tsx';
import { toast, toastError } from '../../ui/toast.tsx';
import type { OpenPlaybook, PlaybookEditing } from './open-playbook.ts';
import { deletePlaybook, savePlaybook } from './playbook-operations.ts';

const STARTER = `- name: What this play is for
  hosts: localhost
  connection: local
  gather_facts: false
  tasks:
    - name: Say hello
      ansible.builtin.debug:
        msg: Hello
`;

/**
 * The actions on the open playbook beyond editing it.
 * @param scheduleCount how many schedules use it
 */
export function createPlaybookActions(
  editing: PlaybookEditing,
  scheduleCount: () => number,
  on: {
    created(path: string): Promise<void>;
    deleted(): Promise<void>;
    started(runId: string): void;
    isRouting(): boolean;
  },
) {
  // shared by both ways to start a run, so that a retry after a lost answer never starts a second one
  const once = createOnce();
  const starting = createActionGuard(on.isRouting);
  /** The playbook whose run dialog is open. */
  const [dialogFor, setDialogFor] = createSignal<OpenPlaybook | null>(null);

  const start = (playbook: OpenPlaybook, parameters: RunParametersInput = {}) =>
    once({ playbook: playbook.path, of: playbook.revision, parameters }, (idempotencyKey) =>
      runPlaybook({ playbook: playbook.path, parameters, idempotencyKey }),
    );

  const startNow = async () => {
    if (!(await editing.saveFirst('Save and run'))) return;
    const current = editing.playbook();
    if (!current) return;
    const result = await start(current);
    if (result.__typename === 'RunPlaybookPayload') on.started(result.run.id);
    else editing.setFault(result.message);
  };

  const remove = async () => {
    const current = editing.playbook();
    if (!current) return;
    const count = scheduleCount();
    const isSure = await confirm({
      title: `Delete ${current.path}?`,
      text:
        count > 0
          ? `${count === 1 ? 'One schedule uses it; its' : `${count} schedules use it; their`} runs will fail until it is back.`
          : 'The file is removed from the playbook folder.',
      action: 'Delete playbook',
      isDangerous: true,
    });
    if (!isSure) return;
    const result = await deletePlaybook({ path: current.path, expectedRevision: current.revision });
    if (result.__typename !== 'DeletePlaybookPayload') return toast(result.message, true);
    editing.discard();
    await on.deleted();
  };

  return {
    isBusy: starting.isBusy,
    start,
    run: () => starting.run(startNow),
    dialogFor,
    closeDialog: () => setDialogFor(null),
    async askForParameters(): Promise<void> {
      if (!starting.isBusy() && (await editing.saveFirst('Save'))) setDialogFor(editing.playbook());
    },
    /** @returns what is wrong with the path; null: the playbook was created */
    async create(path: string): Promise<string | null> {
      const result = await savePlaybook({ path, content: STARTER });
      if (result.__typename !== 'SavePlaybookPayload') return result.message;
      await on.created(path);
      return null;
    },
    remove: () => remove().catch(toastError),
  };
}
