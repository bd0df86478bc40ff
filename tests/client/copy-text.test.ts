import { afterEach, describe, expect, it, vi } from 'vitest';
import { copyText } from '../../client/ui/copy-text.ts';

describe('copying a text', () => {
  afterEach(() => vi.unstubAllGlobals());
  const withCommand = (answer: () => boolean) => {
    const seen: string[] = [];
    document.execCommand = (command: string) => {
      seen.push(command, (document.activeElement as HTMLTextAreaElement).value);
      return answer();
    };
    return seen;
  };

  it('uses the clipboard where there is one', async () => {
    const writeText = vi.fn(async () => undefined);
    vi.stubGlobal('navigator', { clipboard: { writeText } });
    expect(await copyText('a\nb')).toBe(true);
    expect(writeText).toHaveBeenCalledWith('a\nb');
  });

  it.each([
    ['there is none', undefined],
    ['it refuses', { writeText: () => Promise.reject(new Error('denied')) }],
  ])('copies by a selection where %s, and leaves the page as it was', async (_, clipboard) => {
    vi.stubGlobal('navigator', { clipboard });
    const seen = withCommand(() => true);
    document.body.innerHTML = '<button>here</button>';
    document.querySelector('button')?.focus();
    expect(await copyText('a\nb')).toBe(true);
    expect(seen).toEqual(['copy', 'a\nb']);
    expect(document.body.innerHTML).toBe('<button>here</button>');
    expect(document.activeElement?.tagName).toBe('BUTTON');
  });

  it('says when the browser refuses', async () => {
    vi.stubGlobal('navigator', {});
    withCommand(() => false);
    expect(await copyText('a')).toBe(false);
    withCommand(() => {
      throw new Error('not allowed');
    });
    expect(await copyText('a')).toBe(false);
  });
});
