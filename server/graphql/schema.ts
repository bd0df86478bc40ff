import './errors.ts';
import './log-search.ts';
import './channel.ts';
import './channel-mutations.ts';
import './connections.ts';
import './delivery.ts';
import './playbook.ts';
import './rerun.ts';
import './results.ts';
import './run.ts';
import './schedule.ts';
import './schedule-mutations.ts';
import './subscriptions.ts';
import './system.ts';
import type { GraphQLSchema } from 'graphql';
import { builder } from './builder.ts';

export const schema: GraphQLSchema = builder.toSchema();
