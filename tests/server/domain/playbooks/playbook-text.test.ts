import { describe, expect, it } from 'vitest';
import { keepLineEndings } from '../../../../server/domain/playbooks/line-endings.ts';
import { decodeText, encodeText, unencodable } from '../../../../server/domain/playbooks/playbook-text.ts';

const utf16 = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le');

describe('the bytes of a playbook', () => {
  it.each([
    ['utf8', Buffer.from('- hosts: all # é 🚀\n'), '- hosts: all # é 🚀\n'],
    ['utf8', Buffer.from('a\0b\u2028c\u0085'), 'a\0b\u2028c\u0085'],
    ['utf8', Buffer.alloc(0), ''],
    ['utf8Bom', Buffer.from('\ufeffa'), 'a'],
    ['utf8Bom', Buffer.from('\ufeff\ufeffa'), '\ufeffa'],
    ['utf16le', utf16('né\r\n'), 'né\r\n'],
    ['utf16be', utf16('né\r\n').swap16(), 'né\r\n'],
    ['latin1', Buffer.from('caf\u00e9', 'latin1'), 'café'],
    // cut off inside a character, with a byte order mark that lies, with half a surrogate pair
    ['latin1', Buffer.from('é').subarray(0, 1), 'Ã'],
    ['latin1', Buffer.from([0xef, 0xbb, 0xbf, 0xff]), 'ï»¿ÿ'],
    ['latin1', Buffer.from([0xff, 0xfe, 0x00, 0xd8]), 'ÿþ\0Ø'],
    ['latin1', Buffer.from([0xff, 0xfe, 0x41]), 'ÿþA'],
  ] as const)('%s: come back as they were', (encoding, bytes, content) => {
    expect(decodeText(bytes)).toEqual({ content, encoding });
    expect(unencodable(content, encoding)).toBeNull();
    expect(encodeText(content, encoding)).toEqual(bytes);
  });

  it('come back as they were, whatever they are', () => {
    for (let seed = 0; seed < 2_000; seed += 1) {
      const bytes = Buffer.from(
        Array.from({ length: seed % 9 }, (_, i) => (seed * 7_919 + i * i * 104_729) % 256),
      );
      const { content, encoding } = decodeText(bytes);
      expect(encodeText(content, encoding)).toEqual(bytes);
    }
  });

  it('are not made of characters that the encoding lacks', () => {
    expect(unencodable('abc€', 'latin1')).toBe(3);
    expect(unencodable('ÿ', 'latin1')).toBeNull();
    expect(unencodable('a\ud800b', 'utf8')).toBe(1);
    expect(unencodable('🚀', 'utf16le')).toBeNull();
  });
});

describe('line endings', () => {
  it.each([
    ['none were lost', 'a\r\nb\n', 'a\nX\r\nb\n', 'a\nX\r\nb\n'],
    ['there were none to lose', 'a\nb', 'a\nX\nb', 'a\nX\nb'],
    ['all CRLF', 'a\r\nb\r\n', 'a\nX\nb\n', 'a\r\nX\r\nb\r\n'],
    ['no final newline', 'a\r\nb', 'a\nb!', 'a\r\nb!'],
    ['mixed, unedited', 'a\r\n\n\rb\n\r\nc\r', 'a\n\n\nb\n\nc\n', 'a\r\n\n\rb\n\r\nc\r'],
    ['mixed, a line edited', 'a\r\nb\nc\r\nd\n', 'a\nB\nc\nd\n', 'a\r\nB\nc\r\nd\n'],
    ['mixed, lines inserted', 'a\r\nb\nc\r\n', 'a\nX\nb\nY\nc\n', 'a\r\nX\r\nb\nY\nc\r\n'],
    ['mixed, lines removed', 'a\r\nb\nc\r\nd\n', 'b\nd\n', 'b\nd\n'],
    ['mixed, a block moved', 'a\r\nb\nc\r\n', 'c\na\nb\n', 'c\r\na\r\nb\n'],
    ['emptied', 'a\r\nb\n', '', ''],
    ['only lone CR', 'a\rb\r', 'a\nb\nc\n', 'a\rb\rc\r'],
  ])('%s', (_case, before, after, expected) => {
    expect(keepLineEndings(before, after)).toBe(expected);
  });

  it('come back for every line of any text that was not edited', () => {
    const endings = ['\n', '\r\n', '\r'];
    for (let seed = 1; seed < 500; seed += 1) {
      let text = '';
      // an empty line behind a CR would make it a CRLF, which is what it reads as then
      for (let i = 0; i < seed % 40; i += 1)
        text += `${(seed * (i + 3)) % 5}${endings[(seed * 31 + i * i * 17) % 3]}`;
      expect(keepLineEndings(text, text.replace(/\r\n?/g, '\n'))).toBe(text);
    }
  });

  it('never take a line that was emptied', () => {
    expect(keepLineEndings('a\rb\nc', 'a\n\nc')).toBe('a\r\rc');
    for (const text of ['a\rb\nc\r\nd', '\r\n\ra\nb', 'x\r\ry\n\nz'])
      for (let at = 0; at < text.length; at += 1)
        for (const inserted of ['', '\n', 'q', '\n\n']) {
          const plain = text.replace(/\r\n?/g, '\n');
          const edited = plain.slice(0, at) + inserted + plain.slice(at + 1);
          expect(keepLineEndings(text, edited).replace(/\r\n?/g, '\n')).toBe(edited);
        }
  });

  it('come back the same where texts are compared in parts', () => {
    for (let length = 4_090; length < 4_100; length += 1)
      for (const end of ['\n', '\r\n', '\r'])
        for (const begin of ['', 'a', '\r\n', '\r']) {
          const text = `${begin}${'x'.repeat(length)}${end}${'\n'.repeat(length)}${end}`;
          const edited = text.replace(/\r\n?/g, '\n');
          expect(keepLineEndings(text, edited)).toBe(text);
          const inserted = keepLineEndings(text, edited.replace('xx', 'xx!'));
          expect(inserted).toBe(text.replace('xx', 'xx!'));
        }
  });
});
