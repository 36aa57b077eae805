# shellcheck shell=bash
# Functions of slurm_train.sh and of the scripts that it submits: which task is which fold.
# They source common.sh before this file.
# shellcheck disable=SC2154 # task is set there

# Check BACKBONES, and set count, the number of tasks, and plan, the folder of their markers.
settle_tasks() {
    : "${BACKBONES:=densenet121 densenet169 se_resnext101}"
    read -ra backbones <<<"$BACKBONES"
    local name
    for name in "${backbones[@]}"; do
        [[ $name =~ ^[a-z0-9_]+$ ]] ||
            die "BACKBONES is $BACKBONES: give names with spaces between them, such as densenet121"
    done
    count=$((5 * ${#backbones[@]}))
    plan="$TRAIN_ROOT/state/tasks"
    mkdir -p -- "$plan"
}

# marker TASK: print the path of the files about a task, without suffix: TASK.done if it has ended well,
# TASK.errors with a line for each error.
marker() { echo "$plan/${backbones[$1 / 5]}_$(($1 % 5))"; }

# unmarked [ERRORS]: print the tasks that have not ended well; with a number only those that have ended
# with an error of their own fewer times than that.
unmarked() {
    local number found=()
    for ((number = 0; number < count; number++)); do
        [ -e "$(marker "$number").done" ] || [ "$(errors_of "$number")" -ge "${1:-1000}" ] || found+=("$number")
    done
    (IFS=, && echo "${found[*]-}")
}

# errors_of TASK: print how often a task has ended with an error of its own, not by a signal.
errors_of() {
    local file
    file="$(marker "$1").errors"
    if [ -e "$file" ]; then wc -l <"$file"; else echo 0; fi
}

# unmark SUFFIX: forget how the tasks have ended.
unmark() {
    local number
    for ((number = 0; number < count; number++)); do rm -f -- "$(marker "$number").$1"; done
}

# write_training FOLDS STAGES NAME...: write the configuration of ich_train for some backbones.
write_training() {
    local folds="$1" stages="$2"
    shift 2
    printf 'ops: {train_folds: {config: {backbones: [%s], folds: [%s], stages: [%s]}}}\n' \
        "$(IFS=, && echo "$*")" "$folds" "$stages" >"$task/train.yaml"
}
