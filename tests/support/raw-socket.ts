import { WebSocket } from 'ws';
import { waitUntil } from './wait-until.ts';

export type RawSocket = ReturnType<typeof connect>;

/**
 * A WebSocket that says nothing but what it is told to, so that the protocol can be broken with it.
 * @param isIntroduced whether it sends `connection_init` as soon as it is open
 */
export const connect = (url: string, isIntroduced = true, localAddress = '127.0.0.1') => {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws', {
    localAddress,
  });
  const messages: { type: string; id?: string; payload?: unknown }[] = [];
  let closed: number | null = null;
  socket.on('open', () => isIntroduced && socket.send(JSON.stringify({ type: 'connection_init' })));
  socket.on('message', (data) => messages.push(JSON.parse(String(data))));
  socket.on('close', (code) => {
    closed = code;
  });
  socket.on('error', () => undefined);
  const until = (test: () => boolean) =>
    waitUntil(async () => (test() ? true : null), { withinMs: 15_000, everyMs: 10 });
  return {
    messages,
    acknowledged: () => until(() => messages.some(({ type }) => type === 'connection_ack')),
    opened: () => until(() => socket.readyState === socket.OPEN),
    closed: async () => {
      await until(() => closed !== null);
      return closed;
    },
    answered: async (id: string) => {
      await until(() => messages.some((message) => message.id === id));
      return messages.find((message) => message.id === id);
    },
    send: (message: object | string) =>
      socket.send(typeof message === 'string' ? message : JSON.stringify(message)),
    close: () => socket.terminate(),
  };
};
/** The message that asks for an operation. */
export const subscribe = (id: string, query: string, variables: object = {}) => ({
  id,
  type: 'subscribe',
  payload: { query, variables },
});
