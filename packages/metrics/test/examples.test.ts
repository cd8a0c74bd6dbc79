import * as metrics from '@cfrl/metrics';
import { testExamples } from '@cfrl/testkit';

testExamples(new URL('..', import.meta.url), metrics);
