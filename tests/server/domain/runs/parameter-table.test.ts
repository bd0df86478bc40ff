import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { RUN_PARAMETERS } from '../../../../shared/run-parameters.ts';

it('the README says every row of the table of parameters', () => {
  const readme = readFileSync(new URL('../../../../README.md', import.meta.url), 'utf8');
  const rows = Object.entries(RUN_PARAMETERS).map(
    ([name, { option, description }]) =>
      `| \`${name}\` | ${option === null ? '' : `\`${option}\` `}| ${description} |`,
  );
  const lines = readme.split('\n').map((line) => line.replaceAll(/ +/g, ' '));
  expect(lines.filter((line) => rows.includes(line))).toEqual(rows);
});
