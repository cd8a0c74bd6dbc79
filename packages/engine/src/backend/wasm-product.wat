;; Products of matrices in float32, four floats at once.
;;
;; Both factors are packed first, so that what the innermost loop reads lies in a row: rows of the left one in fours,
;; columns of the right one in eights, padded by zeros. Each entry is summed up in the order of the inner index.
;; Addresses and strides are in bytes.

(module
  (import "env" "memory" (memory 1))

  ;; Lays vectors out in groups of $width (4 or 8), [groups, inner, $width].
  (func (export "pack")
    (param $to i32) (param $from i32) (param $vectors i32) (param $inner i32)
    (param $vectorStride i32) (param $innerStride i32) (param $width i32)
    (local $v i32) (local $k i32) (local $at i32) (local $step i32) (local $lanes i32)
    (local $a i32) (local $b i32) (local $c i32) (local $d i32)
    (local.set $step (i32.shl (local.get $width) (i32.const 2)))
    (loop $quads
      ;; Where the four vectors from $v on go: their group, then their half of it.
      (local.set $at
        (i32.add
          (local.get $to)
          (i32.shl
            (i32.add
              (i32.mul
                (i32.and (local.get $v) (i32.sub (i32.const 0) (local.get $width)))
                (local.get $inner))
              (i32.and (local.get $v) (i32.sub (local.get $width) (i32.const 1))))
            (i32.const 2))))
      (local.set $lanes (i32.sub (local.get $vectors) (local.get $v)))
      (local.set $a (i32.add (local.get $from) (i32.mul (local.get $v) (local.get $vectorStride))))
      (local.set $k (local.get $inner))
      (if (i32.ge_s (local.get $lanes) (i32.const 4))
        (then
          (if (i32.eq (local.get $vectorStride) (i32.const 4))
            (then
              (loop $next
                (v128.store (local.get $at) (v128.load align=4 (local.get $a)))
                (local.set $at (i32.add (local.get $at) (local.get $step)))
                (local.set $a (i32.add (local.get $a) (local.get $innerStride)))
                (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1))))))
            (else
              (local.set $b (i32.add (local.get $a) (local.get $vectorStride)))
              (local.set $c (i32.add (local.get $b) (local.get $vectorStride)))
              (local.set $d (i32.add (local.get $c) (local.get $vectorStride)))
              (loop $next
                (v128.store
                  (local.get $at)
                  (v128.load32_lane 3 (local.get $d)
                    (v128.load32_lane 2 (local.get $c)
                      (v128.load32_lane 1 (local.get $b) (v128.load32_zero (local.get $a))))))
                (local.set $at (i32.add (local.get $at) (local.get $step)))
                (local.set $a (i32.add (local.get $a) (local.get $innerStride)))
                (local.set $b (i32.add (local.get $b) (local.get $innerStride)))
                (local.set $c (i32.add (local.get $c) (local.get $innerStride)))
                (local.set $d (i32.add (local.get $d) (local.get $innerStride)))
                (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1))))))))
        (else
          ;; Three vectors at most: the others are zeros.
          (loop $next
            (v128.store (local.get $at) (v128.const i32x4 0 0 0 0))
            (if (i32.ge_s (local.get $lanes) (i32.const 1))
              (then (f32.store (local.get $at) (f32.load (local.get $a)))))
            (if (i32.ge_s (local.get $lanes) (i32.const 2))
              (then
                (f32.store offset=4
                  (local.get $at)
                  (f32.load (i32.add (local.get $a) (local.get $vectorStride))))))
            (if (i32.ge_s (local.get $lanes) (i32.const 3))
              (then
                (f32.store offset=8
                  (local.get $at)
                  (f32.load
                    (i32.add (local.get $a) (i32.shl (local.get $vectorStride) (i32.const 1)))))))
            (local.set $at (i32.add (local.get $at) (local.get $step)))
            (local.set $a (i32.add (local.get $a) (local.get $innerStride)))
            (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))))
      (local.set $v (i32.add (local.get $v) (i32.const 4)))
      (br_if $quads
        (i32.lt_s
          (local.get $v)
          (i32.and
            (i32.add (local.get $vectors) (i32.sub (local.get $width) (i32.const 1)))
            (i32.sub (i32.const 0) (local.get $width)))))))

  ;; [rows, columns] of $to: the product of packed factors, added to what is there where $add is not 0.
  (func (export "multiply")
    (param $to i32) (param $stride i32) (param $left i32) (param $right i32)
    (param $rows i32) (param $columns i32) (param $inner i32) (param $add i32) (param $tile i32)
    (local $i i32) (local $j i32) (local $k i32) (local $a i32) (local $b i32) (local $c i32)
    (local $y i32) (local $x i32)
    (local $b0 v128) (local $b1 v128) (local $a0 v128)
    (local $s00 v128) (local $s01 v128)
    (local $s10 v128) (local $s11 v128)
    (local $s20 v128) (local $s21 v128)
    (local $s30 v128) (local $s31 v128)
    (loop $columnsLoop
      (local.set $i (i32.const 0))
      (loop $rowsLoop
        (local.set $a
          (i32.add (local.get $left) (i32.shl (i32.mul (local.get $i) (local.get $inner)) (i32.const 2))))
        (local.set $b
          (i32.add (local.get $right) (i32.shl (i32.mul (local.get $j) (local.get $inner)) (i32.const 2))))
        (local.set $s00 (v128.const i32x4 0 0 0 0))
        (local.set $s01 (v128.const i32x4 0 0 0 0))
        (local.set $s10 (v128.const i32x4 0 0 0 0))
        (local.set $s11 (v128.const i32x4 0 0 0 0))
        (local.set $s20 (v128.const i32x4 0 0 0 0))
        (local.set $s21 (v128.const i32x4 0 0 0 0))
        (local.set $s30 (v128.const i32x4 0 0 0 0))
        (local.set $s31 (v128.const i32x4 0 0 0 0))
        (local.set $k (local.get $inner))
        (loop $next
          (local.set $b0 (v128.load (local.get $b)))
          (local.set $b1 (v128.load offset=16 (local.get $b)))
          (local.set $a0 (v128.load32_splat offset=0 (local.get $a)))
          (local.set $s00 (f32x4.add (local.get $s00) (f32x4.mul (local.get $a0) (local.get $b0))))
          (local.set $s01 (f32x4.add (local.get $s01) (f32x4.mul (local.get $a0) (local.get $b1))))
          (local.set $a0 (v128.load32_splat offset=4 (local.get $a)))
          (local.set $s10 (f32x4.add (local.get $s10) (f32x4.mul (local.get $a0) (local.get $b0))))
          (local.set $s11 (f32x4.add (local.get $s11) (f32x4.mul (local.get $a0) (local.get $b1))))
          (local.set $a0 (v128.load32_splat offset=8 (local.get $a)))
          (local.set $s20 (f32x4.add (local.get $s20) (f32x4.mul (local.get $a0) (local.get $b0))))
          (local.set $s21 (f32x4.add (local.get $s21) (f32x4.mul (local.get $a0) (local.get $b1))))
          (local.set $a0 (v128.load32_splat offset=12 (local.get $a)))
          (local.set $s30 (f32x4.add (local.get $s30) (f32x4.mul (local.get $a0) (local.get $b0))))
          (local.set $s31 (f32x4.add (local.get $s31) (f32x4.mul (local.get $a0) (local.get $b1))))
          (local.set $a (i32.add (local.get $a) (i32.const 16)))
          (local.set $b (i32.add (local.get $b) (i32.const 32)))
          (br_if $next (local.tee $k (i32.sub (local.get $k) (i32.const 1)))))
        ;; A whole tile goes to its place, a part of one by way of $tile.
        (local.set $c
          (i32.add
            (local.get $to)
            (i32.add
              (i32.mul (local.get $i) (local.get $stride))
              (i32.shl (local.get $j) (i32.const 2)))))
        (if
          (i32.and
            (i32.le_s (i32.add (local.get $i) (i32.const 4)) (local.get $rows))
            (i32.le_s (i32.add (local.get $j) (i32.const 8)) (local.get $columns)))
          (then
            (if (local.get $add)
              (then
                (local.set $s00 (f32x4.add (v128.load align=4 (local.get $c)) (local.get $s00)))
                (local.set $s01 (f32x4.add (v128.load offset=16 align=4 (local.get $c)) (local.get $s01)))))
            (v128.store align=4 (local.get $c) (local.get $s00))
            (v128.store offset=16 align=4 (local.get $c) (local.get $s01))
            (local.set $c (i32.add (local.get $c) (local.get $stride)))
            (if (local.get $add)
              (then
                (local.set $s10 (f32x4.add (v128.load align=4 (local.get $c)) (local.get $s10)))
                (local.set $s11 (f32x4.add (v128.load offset=16 align=4 (local.get $c)) (local.get $s11)))))
            (v128.store align=4 (local.get $c) (local.get $s10))
            (v128.store offset=16 align=4 (local.get $c) (local.get $s11))
            (local.set $c (i32.add (local.get $c) (local.get $stride)))
            (if (local.get $add)
              (then
                (local.set $s20 (f32x4.add (v128.load align=4 (local.get $c)) (local.get $s20)))
                (local.set $s21 (f32x4.add (v128.load offset=16 align=4 (local.get $c)) (local.get $s21)))))
            (v128.store align=4 (local.get $c) (local.get $s20))
            (v128.store offset=16 align=4 (local.get $c) (local.get $s21))
            (local.set $c (i32.add (local.get $c) (local.get $stride)))
            (if (local.get $add)
              (then
                (local.set $s30 (f32x4.add (v128.load align=4 (local.get $c)) (local.get $s30)))
                (local.set $s31 (f32x4.add (v128.load offset=16 align=4 (local.get $c)) (local.get $s31)))))
            (v128.store align=4 (local.get $c) (local.get $s30))
            (v128.store offset=16 align=4 (local.get $c) (local.get $s31))
            (local.set $c (i32.add (local.get $c) (local.get $stride)))
          )
          (else
            (v128.store offset=0 (local.get $tile) (local.get $s00))
            (v128.store offset=16 (local.get $tile) (local.get $s01))
            (v128.store offset=32 (local.get $tile) (local.get $s10))
            (v128.store offset=48 (local.get $tile) (local.get $s11))
            (v128.store offset=64 (local.get $tile) (local.get $s20))
            (v128.store offset=80 (local.get $tile) (local.get $s21))
            (v128.store offset=96 (local.get $tile) (local.get $s30))
            (v128.store offset=112 (local.get $tile) (local.get $s31))
            (local.set $a (local.get $tile))
            (local.set $y (local.get $i))
            (loop $edgeRows
              (local.set $x (i32.const 0))
              (loop $edge
                (f32.store
                  (i32.add (local.get $c) (i32.shl (local.get $x) (i32.const 2)))
                  (f32.add
                    (f32.load (i32.add (local.get $a) (i32.shl (local.get $x) (i32.const 2))))
                    (if (result f32) (local.get $add)
                      (then
                        (f32.load
                          (i32.add (local.get $c) (i32.shl (local.get $x) (i32.const 2)))))
                      (else (f32.const -0)))))
                (local.set $x (i32.add (local.get $x) (i32.const 1)))
                (br_if $edge
                  (i32.and
                    (i32.lt_s (local.get $x) (i32.const 8))
                    (i32.lt_s (i32.add (local.get $j) (local.get $x)) (local.get $columns)))))
              (local.set $a (i32.add (local.get $a) (i32.const 32)))
              (local.set $c (i32.add (local.get $c) (local.get $stride)))
              (local.set $y (i32.add (local.get $y) (i32.const 1)))
              (br_if $edgeRows
                (i32.and
                  (i32.lt_s (local.get $y) (i32.add (local.get $i) (i32.const 4)))
                  (i32.lt_s (local.get $y) (local.get $rows)))))))
        (local.set $i (i32.add (local.get $i) (i32.const 4)))
        (br_if $rowsLoop (i32.lt_s (local.get $i) (local.get $rows))))
      (local.set $j (i32.add (local.get $j) (i32.const 8)))
      (br_if $columnsLoop (i32.lt_s (local.get $j) (local.get $columns))))))