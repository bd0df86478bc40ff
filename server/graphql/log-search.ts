import { InvalidInputError } from '../domain/errors.ts';
import type { LogMatch } from '../domain/logs/log-search.ts';
import type { LogSearchResult } from '../services/logs/log-searching.ts';
import { builder } from './builder.ts';
import { RunRef } from './refs.ts';

const MAX_MATCHES = 1_000;
/** A search may read all of a log: ten of them are enough for one request. */
const SEARCH_COST = 10_000;

const LogMatchRef = builder.objectRef<LogMatch>('LogMatch').implement({
  description: 'A line that matches; `start` and `end` of its first match are UTF-16 units of `text`.',
  fields: (t) => ({
    line: t.exposeInt('line'),
    text: t.exposeString('text', {
      description: 'As a reader sees it, cut at 1,000 characters around the match.',
    }),
    start: t.exposeInt('start'),
    end: t.exposeInt('end'),
  }),
});

const LogSearchResultRef = builder.objectRef<LogSearchResult>('LogSearchResult').implement({
  fields: (t) => ({
    matches: t.field({ type: [LogMatchRef], resolve: ({ matches }) => [...matches] }),
    totalCount: t.exposeInt('totalCount', {
      nullable: true,
      description:
        'How many lines of the whole log match. Null beyond 10,000, and when not all of the log could be searched in five seconds.',
    }),
    searchedLines: t.exposeInt('searchedLines', {
      description:
        'Up to which line was searched. With fewer matches than asked for, the search goes on with it as `after` until it is the last line.',
    }),
  }),
});

builder.objectField(RunRef, 'searchLog', (t) =>
  t.field({
    type: LogSearchResultRef,
    description:
      'Lines that match, over the whole log as it is now. `text` (1 to 1,000 characters) is matched in what a reader sees: without escape codes, the state that a `\\r` leaves. `first` is 1,000 at most. A regular expression is as in JavaScript, and matches within single lines.',
    args: {
      text: t.arg.string({ required: true }),
      regex: t.arg.boolean({ defaultValue: false }),
      caseSensitive: t.arg.boolean({ defaultValue: false }),
      after: t.arg.int({ defaultValue: 0 }),
      first: t.arg.int({ defaultValue: 100 }),
    },
    complexity: SEARCH_COST,
    resolve: (run, { text, regex, caseSensitive, after, first }, { actor, services, answerOf }, info) => {
      const count = first ?? 100;
      if (count < 1 || count > MAX_MATCHES) {
        const message = `"first" is ${count}; expected 1 to ${MAX_MATCHES}.`;
        throw new InvalidInputError([{ path: ['first'], message, position: null }]);
      }
      const query = { text, isRegex: regex ?? false, isCaseSensitive: caseSensitive ?? false };
      return answerOf(info).read(
        () => services.runLogs.search(actor, run.id, query, after ?? 0, count),
        ({ matches }) => matches.reduce((sum, match) => sum + match.text.length + 60, 0),
      );
    },
  }),
);
