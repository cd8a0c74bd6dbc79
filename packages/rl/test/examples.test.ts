import * as rl from '@cfrl/rl';
import { testExamples } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';

testExamples(new URL('..', import.meta.url), rl, {
  start: () => tf.engine().startScope(),
  end: () => tf.engine().endScope(),
});
