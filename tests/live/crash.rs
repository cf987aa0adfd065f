//! A run that is killed, at any moment, does no harm that the next one does not put right.

use crate::common::lab_of;

/// Numbers that are the same in every run (xorshift).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, end: u64) -> u64 {
        for shift in [13, -7, 17i32] {
            self.0 ^= if shift > 0 { self.0 << shift } else { self.0 >> -shift };
        }
        self.0 % end
    }
}

#[test]
fn kill_9_at_any_moment_is_put_right_by_the_next_run() {
    let Some(lab) = lab_of("arm64") else { return };
    let mut seeded = Seeded(0x5eed_b1f0);
    // In thousandths of the time that such a run takes.
    let moments: String = (0..48).map(|_| format!("{} ", seeded.below(1000))).collect();
    let lab = lab.env("MOMENTS", &moments);
    lab.run(
        r#"
        archs='arm64 s390x riscv64'
        # In turn: replacing three, removing, adding, and replacing without a look at what runs.
        kinds=("install --no-credentials $archs" 'uninstall all' "install $archs" "install --no-credentials --no-verify $archs")
        for kind in 0 1 2 3; do
            start=${EPOCHREALTIME/./}
            must rb ${kinds[kind]} >/dev/null
            takes[kind]=$((${EPOCHREALTIME/./} - start))
        done
        killed=0 kind=0
        must rb install $archs >/dev/null
        for moment in $MOMENTS; do
            delay=$((takes[kind] * moment / 1000))
            timeout -s KILL $(printf '%d.%06d' $((delay / 1000000)) $((delay % 1000000 + 1))) \
                rbinfmt --emulators "$EMULATORS" ${kinds[kind]} >/dev/null 2>&1
            [ $? = 137 ] && killed=$((killed + 1))
            kind=$(((kind + 1) % 4))
            must rb install $archs >out.txt 2>&1
            [ "$(names | tr '\n' ' ')" = 'qemu-aarch64 qemu-riscv64 qemu-s390x ' ] || fail "$delay: $(names): $(cat out.txt)"
            for name in $(names); do
                grep -qx 'flags: POCF' $table/$name && grep -qx enabled $table/$name || fail "$(cat $table/$name)"
            done
            [ "$($FIXTURES/arm64/busybox uname -m)" = aarch64 ] || fail "after $delay"
        done
        # On a machine so fast that nothing was left to kill, this test would say nothing.
        [ $killed -ge 5 ] || fail "only $killed of 48 runs were killed"
        "#,
    );
}

#[test]
fn a_stand_in_that_a_killed_run_left_goes_with_the_next_run_of_either_kind() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        for next in 'install arm64' 'uninstall all' 'install arm64 --no-verify'; do
            must rb install arm64
            stranger rbinfmt-new-qemu-aarch64 $EMULATORS/qemu-aarch64-static POCF
            stranger rbinfmt-new-qemu-aarch64.1 $EMULATORS/qemu-aarch64-static POCF
            must rb $next
            names | grep rbinfmt-new && fail "after $next"
        done
        must $FIXTURES/arm64/busybox true
        "#,
    );
}

#[test]
fn a_lock_dies_with_the_run_that_held_it() {
    let Some(lab) = lab_of("arm64") else { return };
    lab.run(
        r#"
        flock $table/status sleep 1000 &
        holder=$!
        rb install arm64 >out.txt 2>&1 &
        run=$!
        sleep 0.5
        [ -z "$(names)" ] || fail 'it did not wait'
        kill -9 $holder $(pgrep -P $holder)
        wait $run || fail "$(cat out.txt)"
        [ "$(names)" = qemu-aarch64 ] || fail "$(names)"
        "#,
    );
}
