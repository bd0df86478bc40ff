import type { FastifyInstance } from 'fastify';
import { InvalidInputError } from '../domain/errors.ts';
import { jsonShapeFault } from '../domain/json-shape.ts';
import { JSON_LIMITS } from '../graphql/yoga.ts';

/** Reads bodies of JSON as Fastify does, but none of a shape that it takes long to parse. */
export function readJson(app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error');
  app.removeContentTypeParser(['application/json']);
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    // a DELETE needs no body, but many clients send the header with every request
    if (body === '' && request.method === 'DELETE') return done(null, undefined);
    const fault = jsonShapeFault(body, JSON_LIMITS);
    if (fault === null) return parse(request, body, done);
    done(new InvalidInputError([{ path: [], message: fault, position: null }]));
  });
}
