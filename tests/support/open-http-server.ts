import { pino } from 'pino';
import type { Services } from '../../server/graphql/context.ts';
import { createGraphqlWebSocket } from '../../server/graphql/websocket.ts';
import { createGraphqlYoga } from '../../server/graphql/yoga.ts';
import { createDoor } from '../../server/http/door.ts';
import { createHttpServer, type HttpServer } from '../../server/http/http-server.ts';
import { createRefusedKeys } from '../../server/http/refused-keys.ts';
import { registerRoutes } from '../../server/http/routes.ts';

/** The API on services of the test, over HTTP and WebSocket. @param key null: for everybody */
export function openHttpServer(
  services: Services,
  onInternalError: (error: unknown) => void,
  key: string | null = null,
): Promise<HttpServer> {
  const door = createDoor({ key, allowedHosts: [] });
  const yoga = createGraphqlYoga({ services, isDevelopment: false, onInternalError });
  return createHttpServer({
    door,
    yoga,
    webSocket: createGraphqlWebSocket({
      yoga,
      actorOf: door.actorOf,
      refuseKey: () => false,
      onInternalError,
    }),
    refusedKeys: createRefusedKeys(Date.now, () => undefined),
    registerRoutes: (app) => registerRoutes(app, services),
    registerProbes: () => undefined,
    consoleDir: null,
    logger: pino({ level: 'silent' }),
  });
}
