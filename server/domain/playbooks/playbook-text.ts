/**
 * How the bytes of a file are decoded. `latin1` (ISO 8859-1) is the fallback: it maps every byte to a
 * character, so any file can be shown and saved without changing what was not edited.
 */
export type PlaybookEncoding = 'utf8' | 'utf8Bom' | 'utf16le' | 'utf16be' | 'latin1';

const UTF8_BOM = Buffer.from([0xef, 0xbb, 0xbf]);
const UTF16LE_BOM = Buffer.from([0xff, 0xfe]);
const UTF16BE_BOM = Buffer.from([0xfe, 0xff]);

/** The text without its byte order mark, and the encoding with which `encodeText` restores the same bytes. */
export function decodeText(bytes: Buffer): { readonly content: string; readonly encoding: PlaybookEncoding } {
  const startsWith = (mark: Buffer) => bytes.subarray(0, mark.length).equals(mark);
  const attempts: readonly [PlaybookEncoding, Buffer | null, string][] = [
    ['utf8Bom', UTF8_BOM, 'utf-8'],
    ['utf8', null, 'utf-8'],
    ['utf16le', UTF16LE_BOM, 'utf-16le'],
    ['utf16be', UTF16BE_BOM, 'utf-16be'],
  ];
  for (const [encoding, mark, label] of attempts) {
    if (mark && !startsWith(mark)) continue;
    try {
      const decoder = new TextDecoder(label, { fatal: true, ignoreBOM: true });
      return { content: decoder.decode(bytes.subarray(mark?.length ?? 0)), encoding };
    } catch {
      // not in this encoding
    }
  }
  return { content: bytes.toString('latin1'), encoding: 'latin1' };
}

/** Offset of the first character that cannot be encoded; null when there is none. */
export function unencodable(content: string, encoding: PlaybookEncoding): number | null {
  const found =
    encoding === 'latin1' ? content.search(/[^\p{ASCII}\u0080-\u00ff]/u) : content.search(/\p{Cs}/u);
  return found === -1 ? null : found;
}

/** @param content must not contain a character that `unencodable` finds */
export function encodeText(content: string, encoding: PlaybookEncoding): Buffer {
  switch (encoding) {
    case 'utf8':
      return Buffer.from(content);
    case 'utf8Bom':
      return Buffer.concat([UTF8_BOM, Buffer.from(content)]);
    case 'utf16le':
      return Buffer.concat([UTF16LE_BOM, Buffer.from(content, 'utf16le')]);
    case 'utf16be':
      return Buffer.concat([UTF16BE_BOM, Buffer.from(content, 'utf16le').swap16()]);
    case 'latin1':
      return Buffer.from(content, 'latin1');
  }
}
