import { expect, it } from 'vitest';
import { send } from '../support/raw-http.ts';
import { describeOnBothStorages } from '../support/storages.ts';
import { withServer } from '../support/with-server.ts';

const PLAYBOOKS = { 'hello.yaml': '- hosts: localhost\n' };
const json = { 'content-type': 'application/json' };

describeOnBothStorages('the seed routes', (choose) => {
  it('schedule, list and unschedule', () =>
    withServer(
      { storage: choose(), ansible: 'scripted', playbooks: PLAYBOOKS },
      async ({ server: { url } }) => {
        const post = (body: object) =>
          send(url, '/schedule', { method: 'POST', headers: json, body: JSON.stringify(body) });
        const made = await post({ playbook: 'hello.yaml', cron: '*/5 * * * *' });
        expect(made.status).toBe(201);
        const schedule = JSON.parse(made.body);
        expect(JSON.parse((await send(url, '/schedule')).body)).toEqual([schedule]);
        expect(Date.parse(schedule.nextRunAt)).toBeGreaterThan(Date.now());

        const bad = await post({ playbook: 'hello.yaml', cron: '0 25 * * *' });
        expect(bad.status).toBe(400);
        expect(JSON.parse(bad.body).error.issues).toEqual([
          { path: ['timing', 'cron'], message: expect.stringContaining('hour'), position: 2 },
        ]);
        expect((await post({ playbook: 'none.yaml', cron: '* * * * *' })).status).toBe(404);
        expect((await post({ playbook: '../etc/passwd', cron: '* * * * *' })).status).toBe(400);
        expect((await post({ playbook: 'hello.yaml' })).status).toBe(400);
        expect((await post({ playbook: 'hello.yaml', cron: '* * * * *', surprise: 1 })).status).toBe(400);

        // as clients do that send the header with everything
        const remove = { method: 'DELETE', headers: json };
        expect((await send(url, `/schedule/${schedule.id}`, remove)).status).toBe(204);
        expect((await send(url, `/schedule/${schedule.id}`, { method: 'DELETE' })).status).toBe(404);
        expect(JSON.parse((await send(url, '/schedule')).body)).toEqual([]);
      },
    ));
});
