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

# marker TASK: print the path of the file that says that a task has ended well.
marker() { echo "$plan/${backbones[$1 / 5]}_$(($1 % 5)).done"; }

# Print the tasks that have not ended well.
unmarked() {
    local number found=()
    for ((number = 0; number < count; number++)); do
        [ -e "$(marker "$number")" ] || found+=("$number")
    done
    (IFS=, && echo "${found[*]-}")
}

# Forget how the tasks have ended.
unmark() {
    local number
    for ((number = 0; number < count; number++)); do rm -f -- "$(marker "$number")"; done
}

# write_training FOLDS STAGES NAME...: write the configuration of ich_train for some backbones.
write_training() {
    local folds="$1" stages="$2"
    shift 2
    printf 'ops: {train_folds: {config: {backbones: [%s], folds: [%s], stages: [%s]}}}\n' \
        "$(IFS=, && echo "$*")" "$folds" "$stages" >"$task/train.yaml"
}
