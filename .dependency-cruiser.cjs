/** A layer, and what it may use of our own code: itself and what is named; nothing else. */
const layer = (name, from, mayUse) => ({
  name: `${name}-imports`,
  severity: 'error',
  from: { path: from },
  to: { path: '^(server|client|tests)/', pathNot: mayUse },
});

/** A library, and the only places of the server that know it. */
const library = (name, packages, places) => ({
  name,
  severity: 'error',
  from: { path: '^server/', pathNot: places },
  to: { path: `node_modules/(${packages})(/|$)` },
});

const PORTS = [
  '^server/storage/storage\\.ts$',
  '^server/scheduler/scheduler\\.ts$',
  '^server/runner/runner\\.ts$',
];

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    layer('domain', '^server/domain/', ['^server/domain/']),
    layer('storage-shared', '^server/storage/(stored|tell|log-codec)\\.ts$', [
      '^server/domain/',
      '^server/storage/storage\\.ts$',
    ]),
    layer('storage-port', '^server/storage/storage\\.ts$', ['^server/domain/']),
    layer('storage-choice', '^server/storage/open-storage\\.ts$', ['^server/storage/']),
    layer('storage-adapter', '^server/storage/(mongo|sqlite)/', [
      '^server/domain/',
      '^server/storage/(storage|stored|tell|log-codec)\\.ts$',
      '^server/storage/$1/',
    ]),
    layer('scheduler', '^server/scheduler/', ['^server/domain/', '^server/scheduler/']),
    layer('runner', '^server/runner/', ['^server/domain/', '^server/runner/']),
    layer('services', '^server/services/', ['^server/domain/', '^server/services/', ...PORTS]),
    layer('graphql', '^server/graphql/', ['^server/domain/', '^server/services/', '^server/graphql/']),
    layer('http', '^server/http/', [
      '^server/domain/',
      '^server/services/',
      '^server/graphql/',
      '^server/http/',
    ]),
    library('graphql-stays-in-graphql', 'graphql|graphql-yoga|graphql-ws|@pothos', '^server/graphql/'),
    library('agenda-stays-in-scheduler-and-storage', 'agenda|@agendajs', '^server/(scheduler|storage)/'),
    library('drivers-stay-in-adapters', 'mongodb|libsql|kysely', '^server/storage/(mongo|sqlite)/'),
    layer('client-lib', '^client/lib/', ['^client/lib/', '^client/graphql/']),
    layer('client-ui', '^client/ui/', ['^client/(ui|lib|graphql/generated)/']),
    layer('client-feature', '^client/features/([^/]+)/', [
      '^client/(ui|lib|graphql)/',
      '^client/features/$1/',
    ]),
    layer('client', '^client/', ['^client/']),
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: { extensions: ['.ts', '.tsx', '.js'] },
  },
};
