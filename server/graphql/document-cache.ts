import type { DocumentNode } from 'graphql';

/** Documents by their text: what a console asks again and again is parsed and checked once. */
export interface DocumentCache {
  get(text: string): DocumentNode | undefined;
  set(text: string, document: DocumentNode): void;
}

/** A parsed document takes some hundred times its text. */
const MAX_KEPT_LENGTH = 131_072;
/** A document of the console; a longer one is parsed each time. */
const MAX_DOCUMENT_LENGTH = 8_192;

export function createDocumentCache(): DocumentCache {
  const kept = new Map<string, DocumentNode>();
  let length = 0;

  return {
    get(text) {
      const document = kept.get(text);
      if (!document) return undefined;
      // the most recently used is the last to go
      kept.delete(text);
      kept.set(text, document);
      return document;
    },

    set(text, document) {
      if (text.length > MAX_DOCUMENT_LENGTH || kept.has(text)) return;
      kept.set(text, document);
      length += text.length;
      for (const oldest of kept.keys()) {
        if (length <= MAX_KEPT_LENGTH) break;
        kept.delete(oldest);
        length -= oldest.length;
      }
    },
  };
}
