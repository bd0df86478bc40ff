import { render } from 'solid-js/web';
import { expect, it, onTestFinished, vi } from 'vitest';
import { RunDialog } from '../../client/features/playbooks/run-dialog.tsx';
import type { RunPlaybookResult } from '../../client/lib/start-runs.ts';
import { ConfirmHost } from '../../client/ui/confirm.tsx';
import { RUN_PARAMETER_NAMES, RUN_PARAMETERS } from '../../shared/run-parameters.ts';

const STARTED: RunPlaybookResult = { __typename: 'RunPlaybookPayload', run: { id: 'r1' } };

async function openDialog(onStart: () => Promise<RunPlaybookResult> = async () => STARTED) {
  const spies = { onStart: vi.fn(onStart), onStarted: vi.fn(), onClose: vi.fn() };
  const place = document.body.appendChild(document.createElement('div'));
  const dispose = render(
    () => (
      <>
        <RunDialog playbook="site.yaml" {...spies} />
        <ConfirmHost />
      </>
    ),
    place,
  );
  onTestFinished(() => {
    dispose();
    document.body.replaceChildren();
  });
  await vi.waitFor(() => expect(document.activeElement).toBe(control('inventories')));
  return spies;
}

function control(name: string): HTMLInputElement {
  return document.getElementById(`run-${name}`) as HTMLInputElement;
}

function type(name: string, text: string): void {
  control(name).value = text;
  control(name).dispatchEvent(new InputEvent('input', { bubbles: true }));
}

function press(word: string): void {
  const all = [...document.querySelectorAll('button')];
  all.find((button) => button.textContent?.replace('▶', '').trim().startsWith(word))?.click();
}

const noteOf = (name: string) =>
  document.getElementById(control(name).getAttribute('aria-describedby') ?? '')?.textContent;

it('has a labelled field for each parameter', async () => {
  await openDialog();
  expect(document.querySelector('[role=dialog]')?.textContent).toContain('site.yaml');
  for (const name of RUN_PARAMETER_NAMES)
    expect(control(name).labels?.[0]?.textContent, name).toBe(RUN_PARAMETERS[name].label);
});

it('sends what was typed and nothing else, once however often it is clicked', async () => {
  let answer: (result: RunPlaybookResult) => void = () => undefined;
  const { onStart, onStarted } = await openDialog(() => new Promise((resolve) => (answer = resolve)));
  type('limit', 'web1');
  type('extraVarsJson', '{"x": 9007199254740993}');
  control('check').click();
  control('diff').click();
  for (let n = 0; n < 3; n += 1) press('Run');
  press('Starting');
  answer(STARTED);
  await vi.waitFor(() => expect(onStarted).toHaveBeenCalledWith('r1'));
  expect(onStart.mock.calls).toEqual([
    [{ limit: 'web1', extraVarsJson: '{"x": 9007199254740993}', check: true, diff: true }],
  ]);
});

it('shows each fault that the server finds at its field, and those of no field below', async () => {
  const issue = (path: string[], message: string) => ({ path, message, position: null });
  const { onStarted } = await openDialog(async () => ({
    __typename: 'InvalidInputError',
    message: 'all',
    issues: [
      issue(['parameters', 'becomeUser'], 'no effect'),
      issue(['parameters', 'diff'], 'not here'),
      issue(['parameters', 'inventory'], 'not there'),
      issue(['playbook'], 'It asks questions.'),
    ],
  }));
  type('becomeUser', 'root');
  press('Run');
  await vi.waitFor(() => expect(noteOf('becomeUser')).toBe('no effect'));
  expect(noteOf('diff')).toBe('not here');
  expect(noteOf('inventories')).toBe('not there');
  expect(document.querySelector('footer [role=alert]')?.textContent).toBe('It asks questions.');
  expect(control('becomeUser').getAttribute('aria-invalid')).toBe('true');
  await vi.waitFor(() => expect(document.activeElement).toBe(control('becomeUser')));
  expect(control('becomeUser').value).toBe('root');
  expect(onStarted).not.toHaveBeenCalled();
});

it.each([
  ['forks', '99999999999', /whole number from 1 to 500/],
  ['extraVarsJson', '[1]', /JSON object/],
])('refuses a wrong %s before it is sent', async (name, text, said) => {
  const { onStart } = await openDialog();
  type(name, text);
  press('Run');
  expect(noteOf(name)).toMatch(said);
  expect(onStart).not.toHaveBeenCalled();
});

it('keeps what was typed when there was no answer', async () => {
  await openDialog(() => Promise.reject(new Error('The server did not answer.')));
  type('tags', 'a');
  press('Run');
  await vi.waitFor(() =>
    expect(document.querySelector('footer [role=alert]')?.textContent).toBe('The server did not answer.'),
  );
  expect(control('tags').value).toBe('a');
  await vi.waitFor(() => expect(document.activeElement?.textContent).toContain('Run'));
});

it('closes without a question while nothing is typed, and asks otherwise', async () => {
  const { onClose } = await openDialog();
  press('Cancel');
  expect(onClose).toHaveBeenCalledOnce();
  type('limit', 'web');
  control('limit').dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }));
  await vi.waitFor(() => expect(document.body.textContent).toContain('Discard what you typed?'));
  expect(onClose).toHaveBeenCalledOnce();
  press('Discard');
  await vi.waitFor(() => expect(onClose).toHaveBeenCalledTimes(2));
});
