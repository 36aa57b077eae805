"""A real SLURM of one node with accounting, without systemd, and an ordinary user to submit to it.

Every daemon has its own port, key, socket and state below one folder, and ends by its process id.
The node claims more processors, memory and GPUs than the machine has, so that the headers of the
scripts pass as they stand; what it hands out as GPUs are copies of /dev/null. No two that run at
the same time give the same number to a job.
"""

import os
import pwd
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
from engines import engine_is_missing
from live import free_port

PROGRAMS = ("munged", "slurmctld", "slurmd", "slurmdbd", "mariadbd", "sbatch", "sacct", "useradd")
LAG = 120
"""Seconds within which the accounting knows what the queue knows."""
FINISHED = ("COMPLETED", "FAILED", "CANCELLED", "TIMEOUT", "NODE_FAIL", "OUT_OF_MEMORY")
_SYSTEM = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def require_slurm() -> None:
    """Skip the test if SLURM cannot be started, and say why."""
    if os.geteuid() != 0:
        engine_is_missing("starting a SLURM needs root")
    missing = [name for name in PROGRAMS if shutil.which(name, path=_SYSTEM) is None]
    if missing:
        engine_is_missing(f"not installed: {', '.join(missing)} (tests/hpc/install_slurm.sh)")


@dataclass
class User:
    """An ordinary user of this machine, with a folder of its own."""

    name: str
    folder: Path

    @property
    def ids(self) -> dict:
        entry = pwd.getpwnam(self.name)
        return {"user": entry.pw_uid, "group": entry.pw_gid, "extra_groups": []}

    def environ(self, **more: str) -> dict[str, str]:
        home = str(self.folder / "home")
        return {"PATH": _SYSTEM, "HOME": home, "USER": self.name, "LANG": "C.UTF-8"} | more

    def run(self, *command: str, check: bool = True, seconds: float = 600, **environment: str):
        """Run a command as this user, in its folder."""
        done = subprocess.run(
            command,
            env=self.environ(**environment),
            cwd=self.folder,
            text=True,
            capture_output=True,
            timeout=seconds,
            **self.ids,
        )
        assert not check or done.returncode == 0, done.stdout + done.stderr
        return done

    def owns(self, path: Path) -> None:
        """Give a folder and all below it to this user."""
        subprocess.run(["chown", "-R", f"{self.name}:", str(path)], check=True)


@contextmanager
def ordinary_user() -> Iterator[User]:
    """Make a user for a while."""
    name = f"ich{os.getpid()}"
    folder = Path(tempfile.mkdtemp(prefix="user-"))
    folder.chmod(0o755)
    command = ["useradd", "--create-home", "--home-dir", str(folder / "home"), name]
    subprocess.run(command, check=True, capture_output=True)
    user = User(name, folder)
    os.chown(folder, user.ids["user"], user.ids["group"])
    try:
        yield user
    finally:
        for process in psutil.process_iter(["uids"]):
            with suppress(psutil.NoSuchProcess):
                if process.info["uids"].real == user.ids["user"]:
                    process.kill()
                    process.wait(20)
        left_behind = [folder, *_of(user)]
        subprocess.run(["userdel", "--force", name], check=True, capture_output=True)
        for left in left_behind:
            shutil.rmtree(left, ignore_errors=True)


def _of(user: User) -> list[Path]:
    """Temporary folders of a user's tasks that were killed by SIGKILL."""
    found = Path(tempfile.gettempdir()).glob("ich-*")
    return [path for path in found if path.stat().st_uid == user.ids["user"]]


class Cluster:
    """The running daemons, and commands for them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.node = socket.gethostname().partition(".")[0]
        self.ports = [free_port() for _ in range(3)]
        self.processes: list[subprocess.Popen] = []
        self.environment = {"SLURM_CONF": str(folder / "slurm.conf"), "PATH": _SYSTEM}

    def start(self) -> None:
        for name in ("munge", "db", "ctld", "d", "log", "dev"):
            (self.folder / name).mkdir()
        self._munge()
        self._accounting()
        self._configure()
        log = str(self.folder / "log")
        configuration = self.environment["SLURM_CONF"]
        self._daemon("slurmctld", "-D", "-f", configuration, "-L", f"{log}/slurmctld.log")
        # A slurmd that never found its controller does not end on SIGTERM.
        self._wait(lambda: "UP" in self.ask("scontrol", "ping"))
        self._daemon(
            "slurmd", "-D", "-f", configuration, "-N", self.node, "-L", f"{log}/slurmd.log"
        )
        self._wait(lambda: "idle" in self.ask("sinfo", "-h", "-o", "%T"))

    def _munge(self) -> None:
        munge = self.folder / "munge"
        key = munge / "key"
        key.write_bytes(os.urandom(1024))
        key.chmod(0o400)
        self._daemon(
            *("munged", "--foreground", "--force", f"--key-file={key}"),
            *(f"--socket={munge}/socket", f"--pid-file={munge}/pid"),
            *(f"--log-file={munge}/log", f"--seed-file={munge}/seed"),
        )
        self._wait((munge / "socket").exists)

    def _accounting(self) -> None:
        db = self.folder / "db"
        shutil.chown(db, "mysql", "mysql")
        as_mysql = ["--no-defaults", "--user=mysql", f"--datadir={db}/data"]
        install = ["mariadb-install-db", *as_mysql, "--auth-root-authentication-method=socket"]
        subprocess.run([*install, "--skip-test-db"], check=True, capture_output=True)
        self._daemon(
            *("mariadbd", *as_mysql, f"--socket={db}/socket", f"--pid-file={db}/pid"),
            *("--skip-networking", "--innodb-buffer-pool-size=64M"),
            "--innodb-lock-wait-timeout=900",
        )
        self._wait((db / "socket").exists)
        configuration = self.folder / "slurmdbd.conf"
        configuration.write_text(f"""\
AuthType=auth/munge
AuthInfo=socket={self.folder}/munge/socket
DbdHost=localhost
DbdPort={self.ports[2]}
SlurmUser=root
PidFile={self.folder}/slurmdbd.pid
LogFile={self.folder}/log/slurmdbd.log
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm
""")
        configuration.chmod(0o600)
        # The MariaDB client library learns of the socket by this variable alone.
        where = {"MYSQL_UNIX_PORT": f"{db}/socket", "SLURM_CONF": str(configuration)}
        self._daemon("slurmdbd", "-D", **where)
        log = self.folder / "log" / "slurmdbd.log"
        self._wait(lambda: log.is_file() and "slurmdbd version" in log.read_text())

    def _configure(self) -> None:
        folder = self.folder
        for number in range(2):
            path = folder / "dev" / f"nvidia{number}"
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
            path.chmod(0o666)
        gpus = f"Name=gpu Type=fake File={folder}/dev/nvidia[0-1]"
        (folder / "gres.conf").write_text(f"NodeName={self.node} {gpus}\n")
        Path(self.environment["SLURM_CONF"]).write_text(f"""\
ClusterName=test
SlurmctldHost={self.node}(127.0.0.1)
SlurmctldPort={self.ports[0]}
SlurmdPort={self.ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
CryptoType=crypto/munge
StateSaveLocation={folder}/ctld
SlurmdSpoolDir={folder}/d
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
SlurmdParameters=config_overrides
MaxArraySize=100001
FirstJobId={1000 * self.ports[0]}
ReturnToService=2
MpiDefault=none
KillWait=5
JobAcctGatherType=jobacct_gather/linux
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=127.0.0.1
AccountingStoragePort={self.ports[2]}
AccountingStoragePass={folder}/munge/socket
AccountingStorageTRES=gres/gpu
MinJobAge=300
SchedulerParameters=sched_interval=1,batch_sched_delay=0
NodeName={self.node} NodeAddr=127.0.0.1 CPUs=64 RealMemory=262144 Gres=gpu:fake:2 State=UNKNOWN
PartitionName=gpu Nodes={self.node} Default=YES MaxTime=INFINITE State=UP
PartitionName=cpu Nodes={self.node} MaxTime=INFINITE State=UP
""")

    def _daemon(self, *command: str, **environment: str) -> None:
        with (self.folder / "log" / f"{command[0]}.out").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    command,
                    env=self.environment | environment,
                    stdout=log,
                    stderr=log,
                    stdin=subprocess.DEVNULL,
                    start_new_session=True,
                )
            )

    def _wait(self, ready: Callable[[], object]) -> None:
        for _ in range(300):
            with suppress(subprocess.CalledProcessError):
                if ready():
                    return
            time.sleep(0.2)
        raise AssertionError(f"SLURM does not start: see {self.folder}/log")

    def stop(self) -> None:
        """End every job, then the daemons, the last one first."""
        with suppress(subprocess.SubprocessError):
            jobs = self.ask("squeue", "-h", "-o", "%A").split()
            self.ask("scancel", "--signal=KILL", "--full", *jobs)
            self.ask("scancel", *jobs)
            self.wait_for(*jobs, seconds=30)
        for process in reversed(self.processes):
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def ask(self, *command: str) -> str:
        done = subprocess.run(
            command, env=self.environment, text=True, capture_output=True, check=True, timeout=30
        )
        return done.stdout.strip()

    def wait_for(self, *jobs: str, seconds: float = 600) -> None:
        """Wait until jobs, and arrays of them, are out of the queue."""
        end = time.monotonic() + seconds
        while self.ask("squeue", "-h", "-j", ",".join(jobs)):
            assert time.monotonic() < end, self.ask("squeue")
            time.sleep(0.5)

    def states(self, job: str, *tasks: int) -> dict[str, str]:
        """Return the final state of a job, or of each task of an array, from the accounting.

        The accounting lags behind the queue, and knows an array as one job before it knows its
        tasks. So name the tasks that have begun: this waits until it knows exactly those.
        """
        names = {f"{job}_{task}" for task in tasks}
        states: dict[str, str] = {}
        end = time.monotonic() + LAG
        while time.monotonic() < end:
            lines = self.ask("sacct", "-n", "-X", "-P", "-o", "JobID,State", "-j", job)
            found = dict(line.split("|") for line in lines.splitlines())
            states = {name: state.split()[0] for name, state in found.items()}
            known = set(states) == names if names else bool(states)
            if known and set(states.values()) <= set(FINISHED):
                return states
            time.sleep(0.5)
        raise AssertionError(f"in the accounting job {job} has not ended: {states}")


@contextmanager
def slurm_cluster() -> Iterator[Cluster]:
    """Run a SLURM for a while."""
    require_slurm()
    folder = Path(tempfile.mkdtemp(prefix="slurm-"))
    folder.chmod(0o755)
    cluster = Cluster(folder)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop()
        shutil.rmtree(folder, ignore_errors=True)


def environment_of(cluster: Cluster, **more: str) -> Mapping[str, str]:
    """Return the variables with which a user reaches a cluster."""
    return {"SLURM_CONF": cluster.environment["SLURM_CONF"], **more}
