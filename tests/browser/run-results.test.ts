import { describe, expect, it } from 'vitest';
import { inEachLook, isBrowserMissing, requireFit, useBrowser } from '../support/browser.ts';
import { runPlaybook, waitForEnd, waitForStatus } from '../support/operations.ts';
import { SQLITE } from '../support/storages.ts';
import { useServer } from '../support/use-server.ts';

const HOSTS = `web1 ansible_connection=local
web2 ansible_connection=local
web3 ansible_connection=local
db ansible_connection=ssh ansible_host=127.0.0.1 ansible_port=1
[all:vars]
ansible_python_interpreter={{ ansible_playbook_python }}
`;
const PLAYBOOK = `- name: Certificates
  hosts: all
  gather_facts: false
  tasks:
    - name: Look for the key
      ansible.builtin.command: ls /no/such/key
      when: inventory_hostname in ['web2', 'web3']
    - name: Write the certificate
      ansible.builtin.copy: { content: "cert\\n", dest: "{{ playbook_dir }}/cert" }
      diff: true
`;

describe.skipIf(isBrowserMissing)('the results of a run in the console', () => {
  const { withPage } = useBrowser();
  const withAnsible = useServer({
    storage: SQLITE,
    ansible: 'real',
    playbooks: {
      'ansible.cfg': '[defaults]\ninventory = hosts.ini\n',
      'hosts.ini': HOSTS,
      'certs.yaml': PLAYBOOK,
    },
  });
  const scripted = useServer({
    storage: SQLITE,
    ansible: 'scripted',
    playbooks: {
      'a.yaml': '- hosts: localhost\n',
      'going-on.yaml': '# results 3 2 0\n# until shown\n# exit 2\n- hosts: localhost\n',
    },
  });

  it('say what failed where, and lead to playbook, log and each host', () =>
    withPage(async (page) => {
      const { server, api } = withAnsible();
      const id = await runPlaybook(api, 'certs.yaml');
      await waitForEnd(() => api, id);

      // from the overview it is one click, and so it is from the list of runs
      await page.goto(server.url);
      const line = /Connection refused · and more|No such file or directory · and more/;
      await page
        .getByRole('region', { name: /^Failed since your last visit/ })
        .getByText(line)
        .waitFor();
      expect(await page.title()).toBe('(1) Sible');
      await page.getByRole('link', { name: 'Runs' }).click();
      // the overview shows the same line
      await page.getByRole('heading', { name: 'Runs' }).waitFor();
      await page.getByText(line).waitFor();
      await page.goBack();
      await page.getByRole('heading', { name: 'Overview' }).waitFor();
      await page.getByRole('link', { name: 'certs.yaml' }).click();
      const wrong = page.getByRole('region', { name: 'What went wrong' });
      await wrong.getByText(/^exit code 2: ls: cannot access/).waitFor();
      expect(await wrong.getByRole('listitem').allInnerTexts()).toEqual(
        expect.arrayContaining([
          expect.stringMatching(/^web[23] and web[23] failed in Look for the key:/),
          expect.stringMatching(/^db could not be reached in Write the certificate:/),
        ]),
      );
      expect(
        await wrong
          .getByRole('link', { name: /^log line \d+$/ })
          .first()
          .getAttribute('href'),
      ).toMatch(/^#L\d+$/);

      await page.getByRole('button', { name: '4 hosts' }).click();
      const hosts = page.getByRole('region', { name: 'Hosts' });
      const names = (await hosts.getByRole('row').allInnerTexts())
        .slice(1)
        .map((row) => /[a-z]+\d?/.exec(row)?.[0]);
      expect(names.slice(0, 3).sort()).toEqual(['db', 'web2', 'web3']);
      expect(names[3]).toBe('web1');
      await hosts.getByRole('button', { name: 'web1' }).click();
      await hosts.getByText('Write the certificate').waitFor();
      await hosts.getByText('Diff').click();
      await hosts.getByText('+cert').waitFor();
      await hosts.getByRole('button', { name: 'All results' }).click();
      await hosts.getByText('Look for the key').waitFor();
      await inEachLook(page, (look) => requireFit(page, `run-hosts-${look}`));

      await page.getByRole('button', { name: 'Tasks' }).click();
      const tasks = page.getByRole('region', { name: 'Tasks' });
      await tasks.getByRole('link', { name: 'Look for the key' }).waitFor();
      expect(await tasks.getByRole('listitem').allInnerTexts()).toEqual([
        expect.stringMatching(/^\S+\s*failed\s*Look for the key/),
        expect.stringMatching(/^\S+\s*unreachable\s*Write the certificate/),
      ]);

      await wrong.getByRole('link', { name: 'certs.yaml:5' }).first().click();
      await page.locator('.cm-activeLine', { hasText: 'Look for the key' }).waitFor();
    }));

  it('come while it runs', () =>
    withPage(async (page) => {
      const { server, api, writePlaybook } = scripted();
      const id = await runPlaybook(api, 'going-on.yaml');
      await waitForStatus(() => api, id, 'RUNNING');
      await page.goto(`${server.url}/runs/${encodeURIComponent(id)}`);
      await page.getByText('host1 failed in task 1: it broke').waitFor();
      await page.getByRole('button', { name: '3 hosts 1 failed' }).waitFor();
      await page.locator('.st', { hasText: 'Running' }).waitFor();
      writePlaybook('shown', '');
      await page.getByText('Failed, exit 2').waitFor();
    }));
});
