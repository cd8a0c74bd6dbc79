import * as model from '@cfrl/model';
import { testExamples } from '@cfrl/testkit';
import * as tf from '@tensorflow/tfjs-core';

testExamples(new URL('..', import.meta.url), model, {
  start: () => tf.engine().startScope(),
  end: () => tf.engine().endScope(),
});
