import { testKilled } from './killed-at-event.ts';

testKilled('kill-after');
