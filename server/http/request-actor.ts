import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Actor } from '../domain/actor.ts';

const ACTOR = 'actor';

/** Lets requests carry an actor, which is set once they have passed the door. */
export function prepareActor(app: FastifyInstance): void {
  app.decorateRequest(ACTOR, null);
}

export function setActor(request: FastifyRequest, actor: Actor): void {
  request.setDecorator(ACTOR, actor);
}

/**
 * The request's actor. Throws on a route that is not behind the door: nothing may be done there on anybody's
 * behalf.
 */
export function actorOf(request: FastifyRequest): Actor {
  const actor = request.getDecorator<Actor | null>(ACTOR);
  if (actor === null) throw new Error(`${request.method} ${request.routeOptions.url} has no actor.`);
  return actor;
}
