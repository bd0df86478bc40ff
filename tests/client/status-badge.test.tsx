import { render } from 'solid-js/web';
import { expect, it, onTestFinished } from 'vitest';
import { outcomeBar, outcomeWords, StatusBadge } from '../../client/ui/status-badge.tsx';

function badge(run: Parameters<typeof StatusBadge>[0]['run']): HTMLElement {
  const place = document.createElement('div');
  onTestFinished(render(() => <StatusBadge run={run} />, place));
  return place.firstElementChild as HTMLElement;
}

it('marks a run that succeeded and has a reason, by shape, colour and word', () => {
  const plain = badge({ status: 'SUCCEEDED', reason: null });
  const marked = badge({ status: 'SUCCEEDED', reason: 'Nothing ran: no host matched.' });
  expect(plain.textContent).toBe('✓Succeeded');
  expect(marked.textContent).toBe('⚠Succeeded with a warning');
  expect(marked.title).toBe('Nothing ran: no host matched.');
  expect(marked.className).not.toBe(plain.className);
});

it('marks it in a strip of bars, too', () => {
  const marked = { status: 'SUCCEEDED', reason: 'Nothing ran.' } as const;
  expect(outcomeBar(marked)).not.toBe(outcomeBar({ status: 'SUCCEEDED' }));
  expect(outcomeWords(marked)).toBe('Succeeded with a warning: Nothing ran.');
  expect(outcomeWords({ status: 'FAILED', reason: 'Host a failed.' })).toBe('Failed');
});

it('says with which exit code a run failed', () => {
  expect(badge({ status: 'FAILED', exitCode: 4, reason: 'x' }).textContent).toBe('✕Failed, exit 4');
});
