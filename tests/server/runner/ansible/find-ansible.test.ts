import { mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, it } from 'vitest';
import { findAnsiblePlaybook } from '../../../../server/runner/ansible/find-ansible.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

it('takes the configured program, then the private one that is complete, then the first on the path', async () => {
  const { path, remove } = await makeTempDir();
  try {
    const [first, second, data] = ['first', 'second', 'data'].map((name) => join(path, name)) as [
      string,
      string,
      string,
    ];
    for (const folder of [first, second, join(data, 'ansible')]) mkdirSync(folder, { recursive: true });
    // there, but not to be executed
    writeFileSync(join(first, 'ansible-playbook'), '', { mode: 0o644 });
    const own = join(data, 'ansible/bin/ansible-playbook');
    const onPath = join(second, 'ansible-playbook');
    const find = (configured: string | null = null) =>
      findAnsiblePlaybook(configured, data, ['', first, second].join(delimiter));

    expect(find()).toBe(own);
    writeFileSync(onPath, '', { mode: 0o755 });
    expect(find()).toBe(onPath);
    writeFileSync(join(data, 'ansible/.complete'), '2.19.14\n');
    expect(find()).toBe(own);
    expect(find('other')).toBe('other');
  } finally {
    await remove();
  }
});
