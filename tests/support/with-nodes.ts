import type { Timings } from '../../server/timings.ts';
import { makeMongoDatabase } from './mongo.ts';
import { type TestServer, withServer } from './with-server.ts';

/** Nodes on one MongoDB with the same playbooks, each with its own data folder. */
export async function withNodes(
  count: number,
  options: {
    readonly playbooks: Record<string, string>;
    readonly env?: Record<string, string>;
    readonly timings?: Timings;
    /** Maps the URI of the database to the one that the nodes use; by default the same. */
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
    // all nodes use the first one's playbook folder
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
