import type { Timings } from '../../server/timings.ts';
import { makeMongoDatabase } from './mongo.ts';
import { type TestServer, withServer } from './with-server.ts';

/** Nodes on one MongoDB with the same playbooks, each with a data folder of its own. */
export async function withNodes(
  count: number,
  options: {
    readonly playbooks: Record<string, string>;
    readonly env?: Record<string, string>;
    readonly timings?: Timings;
    /** Where the nodes find the database; itself, when not given. */
    readonly through?: (uri: string) => string;
  },
  work: (nodes: readonly TestServer[]) => Promise<void>,
): Promise<void> {
  const database = makeMongoDatabase();
  const uri = options.through?.(database.uri) ?? database.uri;
  const storage = { env: { MONGODB_URI: uri }, drop: async () => undefined };
  const open = (nodes: readonly TestServer[]): Promise<void> => {
    if (nodes.length === count) return work(nodes);
    const [first] = nodes;
    // the folder of playbooks is the first one's
    const shared = first ? { SIBLE_PLAYBOOKS_DIR: `${first.dataDir}/playbooks` } : {};
    return withServer(
      {
        storage,
        ansible: 'scripted',
        playbooks: first ? {} : options.playbooks,
        env: { ...options.env, ...shared },
        ...(options.timings ? { timings: options.timings } : {}),
      },
      (node) => open([...nodes, node]),
    );
  };
  try {
    await open([]);
  } finally {
    await database.drop();
  }
}
