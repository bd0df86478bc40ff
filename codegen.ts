import type { CodegenConfig } from '@graphql-codegen/cli';

/** Types of the console's documents, from the schema that the server prints. */
const config: CodegenConfig = {
  schema: 'schema.graphql',
  documents: ['client/**/*.{ts,tsx}', '!client/graphql/generated/**'],
  ignoreNoDocuments: true,
  generates: {
    'client/graphql/generated/': {
      preset: 'client',
      presetConfig: { fragmentMasking: false },
      config: {
        useTypeImports: true,
        enumsAsTypes: true,
        importExtension: '.ts',
        scalars: {
          DateTime: 'string',
          TimeZone: 'string',
          JSONObject: 'Record<string, unknown>',
          JSONText: 'string',
          ID: 'string',
        },
      },
    },
  },
};

export default config;
