import type { RunParameters } from '../../shared/run-parameters.ts';

/** For each parameter a value that is not what it is when it is not given. */
export const OTHER_PARAMETERS: RunParameters = {
  inventories: ['inventory/prod', 'web1,web2,'],
  limit: 'web:&prod',
  tags: ['a b', 'c'],
  skipTags: ['slow'],
  extraVarsJson: '{"x": 9007199254740993}',
  extraVarsFiles: ['vars/a.yaml', 'vars/b.yaml'],
  check: true,
  diff: true,
  become: true,
  becomeUser: 'postgres',
  remoteUser: 'deploy',
  connection: 'local',
  privateKeyFile: '~/.ssh/id',
  verbosity: 3,
  forks: 12,
  timeoutSeconds: 60,
  workingFolder: '',
};
