import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import send from 'send';

/** Matches every path without a route of its own. */
export const CONSOLE_ROUTE = '/*';
/** Built files with content-hashed names. */
const ASSETS = '/assets/';
const INDEX = '/index.html';

/**
 * Serves the files of the built console, and its index page for every other address that a browser navigates
 * to.
 * @param root absolute path of the folder
 * @param onMissing responds to a request that matches neither
 */
export function registerConsole(
  app: FastifyInstance,
  root: string,
  onMissing: (request: FastifyRequest, reply: FastifyReply) => FastifyReply,
): void {
  app.get(CONSOLE_ROUTE, async (request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    if (path.startsWith(ASSETS)) return sendFile(path);
    // apart from assets there are only files like /favicon.svg; page URLs have no dot in their first segment
    if (/^\/[\w-]+\.\w+$/.test(path)) return sendFile(path);
    return isNavigation(request) ? sendFile(INDEX) : onMissing(request, reply);

    function sendFile(file: string): FastifyReply {
      const { raw } = reply;
      const stream = send(request.raw, file, { root, index: false, dotfiles: 'ignore', cacheControl: false });
      stream.on('headers', (response) => {
        if (file.startsWith(ASSETS))
          response.setHeader('cache-control', 'public, max-age=31536000, immutable');
      });
      stream.on('directory', () => onMissing(request, reply));
      stream.on('error', (error: { status?: number }) => {
        if (raw.headersSent) raw.destroy();
        else if (error.status === 416) reply.code(416).send();
        else onMissing(request, reply);
      });
      for (const [name, value] of Object.entries(reply.getHeaders()))
        if (value !== undefined) raw.setHeader(name, value);
      stream.pipe(raw);
      return reply;
    }
  });
}

/** Whether the browser is navigating to a page rather than fetching a resource for one. */
function isNavigation({ headers }: FastifyRequest): boolean {
  const mode = headers['sec-fetch-mode'];
  return (mode === undefined || mode === 'navigate') && headers.accept?.includes('text/html') === true;
}
