import type { GraphQLResolveInfo } from 'graphql';
import { ConflictError, InvalidInputError, NotFoundError } from '../domain/errors.ts';
import type { Playbook } from '../domain/playbooks/playbook.ts';
import type { PlaybookEncoding } from '../domain/playbooks/playbook-text.ts';
import { builder } from './builder.ts';
import type { Context, PlaybookFile } from './context.ts';
import { ScheduleRef } from './refs.ts';
import { isSelected } from './selection.ts';

/** A playbook in a list has only its path; the file is read when one of its fields is selected. */
interface PlaybookParent extends Pick<Playbook, 'path'> {
  readonly problem?: string | null;
  /** Set if it has already been read. */
  readonly file?: PlaybookFile;
  /** Whether the response includes its content. */
  readonly hasContent?: boolean;
}

/** Files already counted; each counts once, however many fields or aliases read it. */
const counted = new WeakSet<PlaybookFile>();
/** Files whose content is already in the response. */
const sent = new WeakSet<PlaybookFile>();

const UNREADABLE = { encoding: 'utf8', revision: '', content: '', length: 0 } as const;

/** What a file adds to the response when it is first read. */
function lengthOf(file: PlaybookFile | null): number {
  if (file === null || counted.has(file)) return 0;
  counted.add(file);
  // reading and hashing it costs time even if its text is not kept
  return file.content === null ? file.length / 4 : file.length;
}

/** Each alias sends the text again. */
function lengthOfContent(file: PlaybookFile): number {
  const length = lengthOf(file);
  if (sent.has(file)) return length + file.length;
  sent.add(file);
  return length;
}

/** Reads the file once for all fields of a playbook. Keeps its text only if `content` is selected. */
function readFile(
  { path, file, hasContent = false }: PlaybookParent,
  { loadersOf, answerOf }: Context,
  info: GraphQLResolveInfo,
  length: (file: PlaybookFile) => number = lengthOf,
): Promise<PlaybookFile> {
  const { playbook, playbookWithoutContent } = loadersOf(info);
  return answerOf(info).read(
    // one unreadable file must not fail the whole list
    async () => file ?? (await (hasContent ? playbook : playbookWithoutContent).load(path)) ?? UNREADABLE,
    length,
  );
}

const CONTENT = new Set(['content']);

/** The real numbers are unknown before the query runs, so complexity uses estimates. */
const PLAYBOOKS_GUESSED = 100;
const SCHEDULES_GUESSED = 10;

const PlaybookEncodingEnum = builder.enumType('PlaybookEncoding', {
  description: 'How the bytes of a playbook are read as text. Ansible reads UTF-8 only.',
  values: {
    UTF8: { value: 'utf8' },
    UTF8_BOM: {
      value: 'utf8Bom',
      description: 'UTF-8 that begins with a byte order mark; `content` has none.',
    },
    UTF16LE: { value: 'utf16le', description: 'With a byte order mark; `content` has none.' },
    UTF16BE: { value: 'utf16be', description: 'With a byte order mark; `content` has none.' },
    LATIN1: { value: 'latin1', description: 'ISO 8859-1: whatever is none of the others.' },
  } as const satisfies Record<string, { value: PlaybookEncoding; description?: string }>,
});

const PlaybookRef = builder.objectRef<PlaybookParent>('Playbook').implement({
  fields: (t) => ({
    path: t.exposeString('path', {
      description:
        'Relative to the playbook folder, with "/". With escapes such as `\\n` or `\\xff` where `problem` says that the file is to be renamed; no operation takes such a path.',
    }),
    content: t.string({
      description: 'Empty where `problem` says that it cannot be read.',
      resolve: async (playbook, _args, context, info) =>
        (await readFile(playbook, context, info, lengthOfContent)).content ?? '',
    }),
    encoding: t.field({
      type: PlaybookEncodingEnum,
      resolve: async (playbook, _args, context, info) => (await readFile(playbook, context, info)).encoding,
    }),
    revision: t.string({
      description: 'Hash of the content, for optimistic concurrency.',
      resolve: async (playbook, _args, context, info) => (await readFile(playbook, context, info)).revision,
    }),
    problem: t.string({
      nullable: true,
      description:
        'Why it cannot be read, or is not a playbook to Ansible, in a sentence; null: nothing is known against it.',
      resolve: ({ path, problem }, _args, { actor, services, answerOf }, info) =>
        problem === undefined
          ? answerOf(info).read(
              () => services.playbooks.problemOf(actor, path),
              () => 0,
            )
          : problem,
    }),
    schedules: t.field({
      type: [ScheduleRef],
      complexity: { field: 1, multiplier: SCHEDULES_GUESSED },
      resolve: (playbook, _args, { loadersOf }, info) =>
        loadersOf(info).schedulesOfPlaybook.load(playbook.path),
    }),
  }),
});

builder.queryField('playbooks', (t) =>
  t.field({
    type: [PlaybookRef],
    complexity: { field: 1, multiplier: PLAYBOOKS_GUESSED },
    description:
      'The playbooks under the playbook folder, sorted by path: files that are lists of plays or imports, and those that may be but cannot be read. The first 10,000.',
    resolve: async (_root, _args, { actor, services }, info) => {
      const hasContent = isSelected(CONTENT, info);
      return (await services.playbooks.list(actor)).playbooks.map(({ path, problem }) => ({
        path,
        problem,
        hasContent,
      }));
    },
  }),
);

builder.queryField('playbooksLeftOut', (t) =>
  t.int({
    description: 'How many playbooks are not in `playbooks`: those beyond its limit, later by path.',
    resolve: async (_root, _args, { actor, services }) => (await services.playbooks.list(actor)).leftOut,
  }),
);

builder.queryField('playbook', (t) =>
  t.field({
    type: PlaybookRef,
    nullable: true,
    args: { path: t.arg.string({ required: true }) },
    resolve: async (_root, { path }, { loadersOf, answerOf }, info) => {
      const { playbook, playbookWithoutContent } = loadersOf(info);
      const loader = isSelected(CONTENT, info) ? playbook : playbookWithoutContent;
      const file = await answerOf(info).read(() => loader.load(path), lengthOf);
      return file && { path, file };
    },
  }),
);

const SavePlaybookInput = builder.inputType('SavePlaybookInput', {
  fields: (t) => ({
    path: t.string({ required: true }),
    content: t.string({
      required: true,
      description:
        'Where it has no carriage return and the file has some, each line gets back the line ending that it has in the file.',
    }),
    encoding: t.field({
      type: PlaybookEncodingEnum,
      description: 'Null: the one that the file has; UTF8 for a new one.',
    }),
    expectedRevision: t.string({ description: 'Omit to create; else the revision that was read.' }),
  }),
});
const SavePlaybookPayload = builder.simpleObject('SavePlaybookPayload', {
  fields: (t) => ({ playbook: t.field({ type: PlaybookRef, nullable: false }) }),
});

builder.mutationField('savePlaybook', (t) =>
  t.field({
    type: SavePlaybookPayload,
    args: { input: t.arg({ type: SavePlaybookInput, required: true }) },
    errors: { types: [InvalidInputError, ConflictError], union: { name: 'SavePlaybookResult' } },
    resolve: async (_root, { input }, { actor, services }) => {
      const { path, content, expectedRevision, encoding } = input;
      const saved = await services.playbooks.save(
        actor,
        path,
        content,
        expectedRevision ?? null,
        encoding ?? null,
      );
      await services.schedules.announcePlaybook(actor, path);
      return { playbook: { path, file: { ...saved, length: saved.content.length } } };
    },
  }),
);

const DeletePlaybookInput = builder.inputType('DeletePlaybookInput', {
  fields: (t) => ({ path: t.string({ required: true }), expectedRevision: t.string() }),
});
const DeletePlaybookPayload = builder.simpleObject('DeletePlaybookPayload', {
  fields: (t) => ({ path: t.string({ nullable: false }) }),
});

builder.mutationField('deletePlaybook', (t) =>
  t.field({
    type: DeletePlaybookPayload,
    args: { input: t.arg({ type: DeletePlaybookInput, required: true }) },
    errors: {
      types: [InvalidInputError, NotFoundError, ConflictError],
      union: { name: 'DeletePlaybookResult' },
    },
    resolve: async (_root, { input }, { actor, services }) => {
      await services.playbooks.delete(actor, input.path, input.expectedRevision ?? null);
      await services.schedules.announcePlaybook(actor, input.path);
      return { path: input.path };
    },
  }),
);
