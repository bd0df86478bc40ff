import { describe, expect, it } from 'vitest';
import {
  checkPlaybookPath,
  isLayoutPath,
  isPlaybookPath,
} from '../../../../server/domain/playbooks/playbook.ts';

describe('checkPlaybookPath', () => {
  it.each(['site.yaml', 'a/b/c.yml', 'größe 日本.yaml', 'a.b.yaml', 'a/..b.yaml'.replace('..', 'x')])(
    'accepts %j',
    (path) => {
      expect(checkPlaybookPath(path)).toBeNull();
    },
  );

  it.each([
    ['', /empty/, null],
    ['/etc/passwd.yaml', /absolute/, 0],
    ['../x.yaml', /leaves/, 0],
    ['a/../../x.yaml', /leaves/, 2],
    ['a//x.yaml', /empty part/, 2],
    ['./x.yaml', /leaves/, 0],
    ['.git/config.yaml', /begins with "\."/, 0],
    ['a/-e.yaml', /begins with "-"/, 2],
    ['~/x.yaml', /begins with "~"/, 0],
    ['a\\b.yaml', /backslash/, 1],
    ['a\0.yaml', /control character/, 1],
    ['a\n.yaml', /control character/, 1],
    ['a\u202e.yaml', /not allowed/, 1],
    ['a\ud800.yaml', /not allowed/, 1],
    [' x.yaml', /blank/, 0],
    ['x.yaml/', /empty part/, 7],
    ['x.yaml.txt', /does not end/, 10],
    [`${'x'.repeat(251)}.yaml`, /longer than 255 bytes/, 0],
    ['.hidden.yaml', /begins with "\."/, 0],
    ['..data/x.yaml', /begins with "\."/, 0],
    [`${'x'.repeat(600)}.yaml`, /longer than 500/, null],
  ])('refuses %j', (path, message, position) => {
    expect(checkPlaybookPath(path)).toEqual({ message: expect.stringMatching(message), position });
  });

  it('takes dots that are written otherwise for what they are: part of a name', () => {
    expect(checkPlaybookPath('..%2fx.yaml')).toMatchObject({ position: 0 });
    expect(checkPlaybookPath('a%2f..%2fx.yaml')).toBeNull();
    expect(checkPlaybookPath('\uff0e\uff0e/x.yaml')).toBeNull();
  });
});

describe('isPlaybookPath', () => {
  it.each([
    ['site.yaml', true],
    ['web/site.YML', true],
    [`${'a/'.repeat(30)}x.yaml`, true],
    ['roles/web/tests/test.yml', true],
    ['.github/ci.yml', true],
    ['.venv/x.yml', false],
    ['a/node_modules/x.yml', false],
    ['ansible.cfg', false],
  ])('%s: %s', (path, expected) => {
    expect(isPlaybookPath(path)).toBe(expected);
  });
});

describe('isLayoutPath', () => {
  it.each([
    ['site.yml', false],
    ['roles/web/tasks/main.yml', true],
    ['group_vars/all.yml', true],
    ['a/requirements.yml', true],
    ['requirements.YML', true],
    ['Roles/web/main.yml', true],
    ['Group_Vars/all.yml', true],
  ])('%s: %s', (path, expected) => {
    expect(isLayoutPath(path)).toBe(expected);
  });
});
