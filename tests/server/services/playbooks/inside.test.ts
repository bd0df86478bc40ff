import { constants, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { openReal } from '../../../../server/services/playbooks/files/inside.ts';
import { makeTempDir } from '../../../support/temp-dir.ts';

it('a folder that was swapped for a link after the check leads to nothing outside', async () => {
  const folder = await makeTempDir();
  onTestFinished(folder.remove);
  const path = realpathSync(folder.path);
  const [root, outside] = [join(path, 'playbooks'), join(path, 'outside')];
  for (const each of [root, outside, join(root, 'inner')]) {
    mkdirSync(each);
    writeFileSync(join(each, 'a.yaml'), '');
  }
  symlinkSync(outside, join(root, 'swapped'));

  expect(await openReal(root, join(root, 'swapped/a.yaml'), constants.O_RDONLY)).toBeNull();
  const opened = await openReal(root, join(root, 'inner/a.yaml'), constants.O_RDONLY);
  expect(opened).not.toBeNull();
  await opened?.close();
});
