import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Actor } from '../domain/actor.ts';

const ACTOR = 'actor';

/** Requests of this server have an actor once they are through the door. */
export function prepareActor(app: FastifyInstance): void {
  app.decorateRequest(ACTOR, null);
}

export function setActor(request: FastifyRequest, actor: Actor): void {
  request.setDecorator(ACTOR, actor);
}

/** Who asks. Throws on a route that is not behind the door: nothing may be done there on anybody's behalf. */
export function actorOf(request: FastifyRequest): Actor {
  const actor = request.getDecorator<Actor | null>(ACTOR);
  if (actor === null) throw new Error(`${request.method} ${request.routeOptions.url} has no actor.`);
  return actor;
}
