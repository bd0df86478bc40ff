/** How long parts wait: data, and nothing of any layer; whoever waits may know it. */
const TIMINGS = '^server/timings\\.ts$';

/** A layer, and what it may use of our own code: itself and what is named; nothing else. */
const layer = (name, from, mayUse) => ({
  name: `${name}-imports`,
  severity: 'error',
  from: { path: from },
  to: { path: '^(server|client|shared|tests)/', pathNot: mayUse },
});

/** A library, and the only places of the server that know it. */
const library = (name, packages, places) => ({
  name,
  severity: 'error',
  from: { path: '^server/', pathNot: places },
  to: { path: `node_modules/(${packages})(/|$)` },
});

/** A room of a layer, and the other rooms of that layer that it may use; what lies outside of rooms is for all. */
const room = (layerPath, name, mayUse = []) => ({
  name: `${layerPath.split('/').pop()}-${name}`,
  severity: 'error',
  from: { path: `^${layerPath}/${name}/` },
  to: { path: `^${layerPath}/[^/]+/`, pathNot: [name, ...mayUse].map((one) => `^${layerPath}/${one}/`) },
});

const PORTS = [
  '^server/storage/(storage|notice-stores)\\.ts$',
  '^server/scheduler/scheduler\\.ts$',
  '^server/runner/runner\\.ts$',
  '^server/reader/reader\\.ts$',
  '^server/secrets/secrets\\.ts$',
  '^server/notify/notify\\.ts$',
];

module.exports = {
  forbidden: [
    // tables that server and console share: data, and nothing of either
    layer('shared', '^shared/', ['^shared/']),
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    layer('domain', '^server/domain/', ['^server/domain/', '^shared/']),
    room('server/domain', 'time'),
    room('server/domain', 'runs'),
    room('server/domain', 'logs'),
    room('server/domain', 'playbooks'),
    room('server/domain', 'results', ['runs']),
    room('server/domain', 'notices', ['runs', 'results']),
    room('server/domain', 'schedules', ['time', 'runs']),
    layer(
      'storage-shared',
      '^server/storage/(stored|stored-parameters|stored-facts|stored-notices|notify-listeners|log-codec)\\.ts$',
      [
        '^server/domain/',
        '^shared/',
        '^server/storage/stored-parameters\\.ts$',
        '^server/storage/storage\\.ts$',
      ],
    ),
    layer('storage-port', '^server/storage/(storage|notice-stores)\\.ts$', [
      '^server/domain/',
      '^shared/',
      '^server/storage/notice-stores\\.ts$',
    ]),
    layer('storage-choice', '^server/storage/open-storage\\.ts$', ['^server/storage/', TIMINGS]),
    layer('storage-adapter', '^server/storage/(mongo|sqlite)/', [
      '^server/domain/',
      '^server/storage/(storage|notice-stores|stored|stored-parameters|stored-facts|stored-notices|pages|notify-listeners|log-codec|newer-database)\\.ts$',
      '^server/storage/$1/',
      TIMINGS,
    ]),
    layer('scheduler', '^server/scheduler/', ['^server/domain/', '^shared/', '^server/scheduler/', TIMINGS]),
    layer('runner', '^server/runner/', ['^server/domain/', '^shared/', '^server/runner/', TIMINGS]),
    layer('timings', TIMINGS, [TIMINGS]),
    room('server/runner', 'process'),
    room('server/runner', 'ansible', ['process']),
    layer('secrets', '^server/secrets/', ['^server/domain/', '^server/secrets/']),
    layer('notify', '^server/notify/', ['^server/domain/', '^shared/', '^server/notify/']),
    layer('reader', '^server/reader/', ['^server/domain/', '^server/reader/']),
    layer('services', '^server/services/', [
      '^server/domain/',
      '^shared/',
      '^server/services/',
      TIMINGS,
      ...PORTS,
    ]),
    room('server/services', 'playbooks'),
    room('server/services', 'logs'),
    room('server/services', 'runs', ['playbooks', 'logs', 'results']),
    room('server/services', 'results', ['logs']),
    room('server/services', 'notices', ['results']),
    room('server/services', 'schedules', ['playbooks', 'runs']),
    layer('graphql', '^server/graphql/', [
      '^server/domain/',
      '^shared/',
      '^server/services/',
      '^server/graphql/',
    ]),
    layer('http', '^server/http/', [
      '^server/domain/',
      '^shared/',
      '^server/services/',
      '^server/graphql/',
      '^server/http/',
    ]),
    library('graphql-stays-in-graphql', 'graphql|graphql-yoga|graphql-ws|@pothos', '^server/graphql/'),
    library('agenda-stays-in-scheduler-and-storage', 'agenda|@agendajs', '^server/(scheduler|storage)/'),
    library('yaml-stays-in-reader', 'yaml', '^server/reader/'),
    library('drivers-stay-in-adapters', 'mongodb|libsql|kysely', '^server/storage/(mongo|sqlite)/'),
    layer('client-lib', '^client/lib/', ['^client/lib/', '^client/graphql/', '^shared/']),
    layer('client-ui', '^client/ui/', ['^client/(ui|lib|graphql/generated)/', '^shared/']),
    layer('client-feature', '^client/features/([^/]+)/', [
      '^client/(ui|lib|graphql)/',
      '^shared/',
      '^client/features/$1/',
    ]),
    layer('client', '^client/', ['^client/', '^shared/']),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js'] },
  },
};
