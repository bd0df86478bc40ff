import { describe, expect, it } from 'vitest';
import { findInvisible } from '../../../server/domain/invisible.ts';
import { checkPlaybookPath } from '../../../server/domain/playbooks/playbook.ts';

describe('names that users type', () => {
  it.each([
    0x00, 0x09, 0x1b, 0x7f, 0x85, 0x9b, 0xad, 0x34f, 0x61c, 0x115f, 0x180e, 0x200b, 0x200d, 0x200e, 0x2028,
    0x202e, 0x2060, 0x2066, 0x3164, 0xd83d, 0xfeff, 0xffa0, 0xfff9, 0xe0041,
  ])('have no character that is not seen: %x', (code) => {
    const char = String.fromCodePoint(code);
    expect(findInvisible(`ok${char}x`)).toBe(2);
    expect(checkPlaybookPath(`ok${char}.yaml`)).toMatchObject({ position: 2 });
  });

  it.each(['Nightly, 02:30', 'Ünïcödé', '日本', 'שלום', 'हिन्दी', '❤️ 😀', 'a\u00a0b', 'e\u0301'])(
    'may be: %s',
    (name) => {
      expect(findInvisible(name)).toBe(-1);
      expect(checkPlaybookPath(`${name}.yaml`)).toBeNull();
    },
  );
});
