import java.io.BufferedReader;
import java.io.File;
import java.io.InputStreamReader;
import org.eclipse.jgit.api.CloneCommand;
import org.eclipse.jgit.api.Git;
import org.eclipse.jgit.transport.CredentialsProvider;
import org.eclipse.jgit.transport.RefSpec;
import org.eclipse.jgit.transport.UsernamePasswordCredentialsProvider;

/** Clones and fetches with JGit: one job a line on stdin, `url clone busy user password`; SSH goes through $GIT_SSH. */
public class ReadJgit {
  public static void main(String[] args) throws Exception {
    BufferedReader jobs = new BufferedReader(new InputStreamReader(System.in));
    for (String line = jobs.readLine(); line != null; line = jobs.readLine()) {
      String[] job = line.split(" ");
      CredentialsProvider login = new UsernamePasswordCredentialsProvider(job[3], job[4]);
      CloneCommand clone = Git.cloneRepository().setURI(job[0]).setDirectory(new File(job[1])).setBare(true);
      clone.setCredentialsProvider(login).call().close();
      try (Git busy = Git.open(new File(job[2]))) {
        RefSpec main = new RefSpec("+refs/heads/main:refs/remotes/up/main");
        busy.fetch().setRemote(job[0]).setRefSpecs(main).setCredentialsProvider(login).call();
      }
      System.out.println("done");
    }
  }
}
