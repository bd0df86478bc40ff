import { Readable } from 'node:stream';
import { setImmediate as nextRound } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply } from 'fastify';
import { z } from 'zod';
import { RUN_PARAMETER_NAMES, RUN_PARAMETERS } from '../../shared/run-parameters.ts';
import { messageOf } from '../domain/caught.ts';
import {
  ConflictError,
  clip,
  DomainError,
  InvalidInputError,
  InvalidStateError,
  NotFoundError,
} from '../domain/errors.ts';
import { sourceTextOf, traceSource } from '../domain/json-source.ts';
import { jsonTextOf } from '../domain/json-text.ts';
import type { LogLines } from '../domain/logs/run-log.ts';
import { terminalText } from '../domain/logs/terminal-text.ts';
import { parametersOf, type RunParametersInput } from '../domain/runs/parameters/input.ts';
import type { ScheduleSummary } from '../domain/schedules/schedule.ts';
import { describeTiming } from '../domain/time/timing.ts';
import type { Services } from '../graphql/context.ts';
import { globalId, localId } from '../graphql/ids.ts';
import { schemaText } from '../graphql/schema-text.ts';
import { type LogFormat, logFormat } from './log-download.ts';
import { actorOf } from './request-actor.ts';

/** Fits the largest extra variables, fully escaped, and the rest of the body. */
const MAX_SCHEDULE_BYTES = 1_048_576;

/** The few routes for people with `curl`, on the same services as GraphQL. Ids are the same global ids. */
export function registerRoutes(app: FastifyInstance, services: Services): void {
  app.setErrorHandler((error, request, reply) => sendError(reply, error, request.id));

  // introspection is disabled on the endpoint itself
  app.get('/schema.graphql', async (_request, reply) =>
    reply.type('text/plain; charset=utf-8').send(schemaText()),
  );

  app.post('/schedule', { bodyLimit: MAX_SCHEDULE_BYTES }, async (request, reply) => {
    const body = parseBody(request.body);
    const schedule = await services.schedules.create(
      actorOf(request),
      {
        playbook: body.playbook,
        timing: { cron: body.cron },
        timezone: body.timezone ?? null,
        name: body.name ?? null,
        enabled: true,
        policy: { overlap: 'skip' },
        parameters: body.parameters ? parametersOf(body.parameters) : null,
      },
      idempotencyKeyOf(request.headers['idempotency-key'], body.idempotencyKey ?? null),
    );
    return reply.code(201).send(scheduleJson(schedule));
  });

  app.get('/schedule', async (request, reply) => {
    const all: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await services.schedules.list(actorOf(request), {}, 'nextRun', {
        limit: 500,
        cursor,
        backward: false,
      });
      all.push(...page.items.map(({ node }) => JSON.stringify(scheduleJson(node))));
      cursor = page.hasMore ? (page.items.at(-1)?.cursor ?? null) : null;
      await nextRound();
    } while (cursor !== null);
    return reply.type('application/json; charset=utf-8').send(`[${all.join(',')}]`);
  });

  app.delete<{ Params: { id: string } }>('/schedule/:id', async (request, reply) => {
    await services.schedules.delete(actorOf(request), localId('Schedule', request.params.id));
    return reply.code(204).send();
  });

  app.get<{ Params: { id: string }; Querystring: Record<string, unknown> }>(
    '/runs/:id/log',
    // a HEAD request would read the whole log and discard it
    { exposeHeadRoute: false },
    async (request, reply) => {
      const id = localId('Run', request.params.id);
      const after = parseAfter(request.query.after);
      // safe for a terminal by default, since it would obey control sequences
      const toText = isAsked(request.query.raw)
        ? (text: string) => text
        : (text: string) => terminalText(text, !isAsked(request.query.plain));
      const format = logFormat(request.query.format, isAsked(request.query.timestamps), toText, (from, to) =>
        services.runLogs.times(actorOf(request), id, from, to),
      );
      const lines = isAsked(request.query.follow)
        ? await services.runLogs.tail(actorOf(request), id, after)
        : await services.runLogs.stored(actorOf(request), id, after);
      reply.header('content-type', format.contentType);
      reply.header('content-disposition', `attachment; filename="sible-run-${id}.${format.extension}"`);
      return reply.send(Readable.from(textOf(lines, format), { objectMode: false }));
    },
  );
}

/** `?follow`, `?follow=1`; not `?follow=0`. */
function isAsked(value: unknown): boolean {
  return value !== undefined && value !== '0';
}

/**
 * Ends as soon as its reader does, even while waiting for lines: a wrapping generator would linger until the
 * next line.
 */
function textOf(
  batches: AsyncGenerator<LogLines, void, undefined>,
  format: LogFormat,
): AsyncIterableIterator<string> {
  return {
    async next() {
      const { value, done } = await batches.next();
      return done ? { value: undefined, done } : { value: await format.write(value) };
    },
    async return() {
      await batches.return();
      return { value: undefined, done: true };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}

const VALUES = {
  list: z.array(z.string()),
  text: z.string(),
  json: z.string(),
  flag: z.boolean(),
  number: z.number(),
};
/** Derived from the table of parameters; `extraVars` is an object here, and becomes text as written. */
const ROWS: Record<string, z.ZodType> = Object.fromEntries(
  RUN_PARAMETER_NAMES.map((name) => [name, VALUES[RUN_PARAMETERS[name].kind].nullish()]),
);
const ParametersBody = z.strictObject({
  ...ROWS,
  inventory: z.string().nullish(),
  extraVars: z
    // the identical object, by which its source text is found
    .custom<object>((value) => value !== null && typeof value === 'object' && !Array.isArray(value), {
      error: 'expected an object',
    })
    .transform((vars, context) => {
      try {
        return sourceTextOf(vars) ?? jsonTextOf(vars);
      } catch (error) {
        context.addIssue(messageOf(error));
        return z.NEVER;
      }
    })
    .nullish(),
});

const ScheduleBody = z.strictObject({
  playbook: z.string(),
  cron: z.string(),
  timezone: z.string().optional(),
  name: z.string().optional(),
  idempotencyKey: z.string().nullish(),
  parameters: ParametersBody.transform((body) => body as RunParametersInput).optional(),
});

function parseBody(body: unknown): z.infer<typeof ScheduleBody> {
  traceSource(traceSource(body, 'parameters'), 'extraVars');
  const parsed = ScheduleBody.safeParse(body);
  if (parsed.success) return parsed.data;
  throw new InvalidInputError(
    parsed.error.issues.map(({ path, message }) => ({
      path: path.map(String),
      message: `${path.length > 0 ? `"${path.join('.')}": ` : ''}${clip(message.replace(/\.$/, ''), 300)}.`,
      position: null,
    })),
  );
}

/** Given in the body as in GraphQL, or in the `Idempotency-Key` header. */
function idempotencyKeyOf(header: string | string[] | undefined, inBody: string | null): string | null {
  const inHeader = Array.isArray(header) ? header.join(', ') : (header ?? null);
  if (inHeader === null || inBody === null || inHeader === inBody) return inHeader ?? inBody;
  throw new InvalidInputError([
    {
      path: ['idempotencyKey'],
      message: 'The idempotency keys of the header and of the body differ; expected one of them.',
      position: null,
    },
  ]);
}

function parseAfter(value: unknown): number {
  if (value === undefined) return 0;
  const after = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
  if (!Number.isNaN(after)) return after;
  throw new InvalidInputError([
    {
      path: ['after'],
      message: '"after" must be the number of the last line held, 0 or more.',
      position: null,
    },
  ]);
}

function scheduleJson(schedule: ScheduleSummary) {
  const { timing } = schedule;
  return {
    id: globalId('Schedule', schedule.id),
    name: schedule.name,
    playbook: schedule.playbook,
    cron: timing.kind === 'cron' ? timing.expression : null,
    description: describeTiming(timing, schedule.timezone),
    timezone: schedule.timezone,
    enabled: schedule.enabled,
    nextRunAt: schedule.nextRunAt?.toISOString() ?? null,
  };
}

function sendError(reply: FastifyReply, error: unknown, requestId: string): FastifyReply {
  // the failed handler may already have set other headers
  reply.removeHeader('content-disposition').type('application/json; charset=utf-8');
  if (error instanceof DomainError) {
    const issues = error instanceof InvalidInputError ? { issues: error.issues } : {};
    return reply
      .code(statusOf(error))
      .send({ error: { code: error.code, message: error.message, ...issues } });
  }
  const status = statusCodeOf(error);
  if (error instanceof Error && status >= 400 && status < 500) {
    // Fastify's own errors: a body that is not JSON, too long, or of another type
    const message =
      status === 415 ? 'Send JSON, with the header "content-type: application/json".' : error.message;
    return reply.code(status).send({ error: { code: 'BAD_REQUEST', message } });
  }
  reply.log.error({ err: error, requestId }, 'internal error');
  return reply
    .code(500)
    .send({ error: { code: 'INTERNAL_SERVER_ERROR', message: 'Internal error.', requestId } });
}

function statusOf(error: DomainError): number {
  if (error instanceof NotFoundError) return 404;
  if (error instanceof ConflictError || error instanceof InvalidStateError) return 409;
  return 400;
}

function statusCodeOf(error: unknown): number {
  return error instanceof Error && 'statusCode' in error && typeof error.statusCode === 'number'
    ? error.statusCode
    : 500;
}
