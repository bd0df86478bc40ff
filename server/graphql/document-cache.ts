import type { DocumentNode } from 'graphql';

/** A cache of parsed and validated documents by text, for operations that a console repeats. */
export interface DocumentCache {
  get(text: string): DocumentNode | undefined;
  set(text: string, document: DocumentNode): void;
}

/** A parsed document takes some hundred times the memory of its text. */
const MAX_KEPT_LENGTH = 131_072;
/** Covers the console's documents; longer ones are parsed each time. */
const MAX_DOCUMENT_LENGTH = 8_192;

export function createDocumentCache(): DocumentCache {
  const kept = new Map<string, DocumentNode>();
  let length = 0;

  return {
    get(text) {
      const document = kept.get(text);
      if (!document) return undefined;
      // re-insert: evict the least recently used first
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
