import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import send from 'send';

/** Every path that is no route of its own. */
export const CONSOLE_ROUTE = '/*';
/** Built files whose names change with their content. */
const ASSETS = '/assets/';
const INDEX = '/index.html';

/**
 * Serves the files of the built console, and its page at every other address that somebody opens in a browser.
 * @param root absolute path of the folder
 * @param onMissing answers a request for which there is neither
 */
export function registerConsole(
  app: FastifyInstance,
  root: string,
  onMissing: (request: FastifyRequest, reply: FastifyReply) => FastifyReply,
): void {
  app.get(CONSOLE_ROUTE, async (request, reply) => {
    const [path = ''] = request.url.split('?', 1);
    if (path.startsWith(ASSETS)) return sendFile(path);
    // beside the assets there are only files like /favicon.svg; addresses of pages have no dot in their first part
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

/** Whether a browser wants to show the answer as a page, rather than use it in one. */
function isNavigation({ headers }: FastifyRequest): boolean {
  const mode = headers['sec-fetch-mode'];
  return (mode === undefined || mode === 'navigate') && headers.accept?.includes('text/html') === true;
}
