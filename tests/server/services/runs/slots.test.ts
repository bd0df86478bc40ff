import { expect, it } from 'vitest';
import { createSlots } from '../../../../server/services/runs/slots.ts';

const never = () => new AbortController().signal;

it('gives a place that becomes free to who has waited longest, and to nobody that comes in between', async () => {
  const slots = createSlots(1);
  expect(await slots.acquire(never(), null)).toBe(true);
  const order: string[] = [];
  const first = slots.acquire(never(), null).then(() => order.push('first'));
  const second = slots.acquire(never(), null).then(() => order.push('second'));

  slots.free();
  expect(slots.takeIfFree()).toBe(false);
  await first;
  slots.free();
  await second;
  expect(order).toEqual(['first', 'second']);
  slots.free();
  expect(slots.countFree()).toBe(1);
});

it('who gives up waiting, or is told to, takes no place with him', async () => {
  const slots = createSlots(1);
  slots.take();
  const leaving = new AbortController();
  const left = slots.acquire(leaving.signal, null);
  leaving.abort(new Error('closing'));
  await expect(left).rejects.toThrow('closing');
  expect(await slots.acquire(never(), 1)).toBe(false);

  slots.free();
  expect(slots.countFree()).toBe(1);
  expect(await slots.acquire(never(), 1)).toBe(true);
});

it('what was there already takes more places than there are, and frees them before others come', async () => {
  const slots = createSlots(1);
  slots.take();
  slots.take();
  const waiting = slots.acquire(never(), null);
  slots.free();
  expect(slots.countFree()).toBe(0);
  slots.free();
  expect(await waiting).toBe(true);
});
