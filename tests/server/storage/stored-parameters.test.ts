import { expect, it } from 'vitest';
import { readParameters, readTarget, writeParameters } from '../../../server/storage/stored-parameters.ts';
import { NO_PARAMETERS } from '../../../shared/run-parameters.ts';

it('reads what Sible 0.1 stored', () => {
  const stored =
    '{"inventory":"inventory/hosts.ini","limit":"web","tags":["a"],"skipTags":[],"extraVars":{"release":"1.2","n":[1,null]},"check":true,"diff":false,"verbosity":2,"forks":null}';
  expect(readParameters(stored)).toEqual({
    ...NO_PARAMETERS,
    inventories: ['inventory/hosts.ini'],
    limit: 'web',
    tags: ['a'],
    extraVarsJson: '{"release":"1.2","n":[1,null]}',
    check: true,
    verbosity: 2,
  });
});

it('reads what it has written, and what a version without some of the fields wrote', () => {
  const parameters = { ...NO_PARAMETERS, extraVarsJson: '{"n": 9007199254740993}', workingFolder: '' };
  expect(readParameters(writeParameters(parameters))).toEqual(parameters);
  expect(readParameters('{"limit":"web"}')).toEqual({ ...NO_PARAMETERS, limit: 'web' });
});

it.each([
  ['no JSON', '{'],
  ['a list', '[]'],
  ['a limit that is a number', '{"limit":1}'],
  ['tags that are a text', '{"tags":"a"}'],
  ['a flag that is a text', '{"check":"no"}'],
  ['no verbosity', '{"verbosity":null}'],
])('reads nothing out of %s', (_, stored) => {
  expect(readTarget(stored, null).parameters).toBeNull();
});

it('reads no parameters where the hosts that limit a run cannot be read', () => {
  const parameters = writeParameters(NO_PARAMETERS);
  expect(readTarget(parameters, '["web1"]')).toEqual({ parameters: NO_PARAMETERS, onlyHosts: ['web1'] });
  for (const hosts of ['[', '[]', '[1]', '"web1"'])
    expect(readTarget(parameters, hosts)).toEqual({ parameters: null, onlyHosts: null });
});
