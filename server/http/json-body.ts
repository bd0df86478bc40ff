import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { messageOf } from '../domain/caught.ts';
import { clip, InvalidInputError } from '../domain/errors.ts';
import { jsonShapeFault } from '../domain/json-shape.ts';
import { rememberSource } from '../domain/json-source.ts';
import { JSON_LIMITS } from '../graphql/yoga.ts';

/**
 * Parses JSON bodies as Fastify does, but refuses shapes that are slow to parse, and says what is wrong with
 * a body.
 */
export function readJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser(['application/json']);
  app.addContentTypeParser<Buffer>('application/json', { parseAs: 'buffer' }, (request, body, done) => {
    // a DELETE needs no body, but many clients send the content type with every request
    if (body.length === 0 && request.method === 'DELETE') return done(null, undefined);
    const text = body.toString();
    const fault = bytesFault(body, request.headers['content-encoding']);
    if (fault !== null) return done(malformed(fault));
    const excess = jsonShapeFault(text, JSON_LIMITS);
    if (excess !== null) return done(new InvalidInputError([{ path: [], message: excess, position: null }]));
    void parse(request, text, (error, value) => {
      if (error) return done(malformed(jsonFault(text)));
      rememberSource(value, text);
      done(null, value);
    });
  });
}

function bytesFault(body: Buffer, contentEncoding: string | undefined): string | null {
  if (body.length === 0) return 'The request has no body; expected JSON.';
  if (contentEncoding !== undefined && contentEncoding.toLowerCase() !== 'identity')
    return `The body has the content-encoding "${clip(contentEncoding)}"; expected none.`;
  // decoding would silently replace invalid sequences
  return isUtf8(body) ? null : 'The body is not valid UTF-8.';
}

/** Why a text could not be parsed, which Fastify does not report. */
function jsonFault(text: string): string {
  try {
    JSON.parse(text);
  } catch (error) {
    return `The body is not valid JSON: ${clip(messageOf(error))}.`;
  }
  return 'The body has a key "__proto__" or "constructor", which is not accepted.';
}

/** Like Fastify's own body errors. */
function malformed(message: string): Error {
  return Object.assign(new Error(message), { statusCode: 400 });
}
